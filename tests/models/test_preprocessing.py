"""From pixels to a model's input: the same numbers as torchvision's transforms, whatever way they were reached."""

import numpy as np
import pytest
import torch

from reportgen.config import Preprocessing
from reportgen.models.architectures.torchvision_ops import import_torchvision
from reportgen.models.preprocessing import candidate_inputs, normalise, resize

SIZES = [(350, 350), (48, 48), (31, 57), (224, 224), (500, 90)]


def picture(size):
    return np.random.default_rng(size[0]).integers(0, 256, (*size, 3)).astype(np.uint8)


@pytest.mark.parametrize("size", SIZES)
def test_pixels_equal_torchvision(size):
    from PIL import Image

    t = import_torchvision().transforms
    spec = Preprocessing(width=40, height=24)
    usual = t.Compose([t.Resize((24, 40)), t.ToTensor(), t.Normalize(spec.mean, spec.std)])
    pictures = [picture(size), picture(size)[::-1].copy()]
    ours = normalise([resize(one, spec) for one in pictures], spec)
    assert torch.equal(ours, torch.stack([usual(Image.fromarray(one)) for one in pictures]))
    assert ours.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("size", SIZES)
def test_one_grey_channel_gives_the_pixels_of_three_equal_ones(size, grey):
    spec = Preprocessing(width=40, height=24, grey=grey, mean=(0.5,), std=(0.25,))
    one = picture(size)[..., 0]
    three = np.repeat(one[..., None], 3, axis=2)
    assert np.array_equal(resize(one, spec), resize(three, spec))
    assert resize(one, spec).shape == (24, 40, 1 if grey else 3)
    assert normalise([resize(one, spec)], spec).shape == (1, 1 if grey else 3, 24, 40)


def test_grey_in_three_equal_channels():
    spec = Preprocessing(width=16, height=16, grey=True, mean=(0.1, 0.2, 0.3), std=(0.5,) * 3)
    picture = np.random.default_rng(0).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    shown = resize(picture, spec)
    assert shown.shape == (16, 16, 3) and (shown == shown[..., :1]).all()
    one = resize(picture, Preprocessing(width=16, height=16, grey=True, mean=(0.1,), std=(0.5,)))
    assert one.shape == (16, 16, 1) and (shown[..., :1] == one).all()
    assert resize(picture[..., 0], spec).shape == (16, 16, 3)
    (batch,) = normalise([shown], spec)
    assert batch.shape == (3, 16, 16)
    assert torch.allclose(batch[0] - batch[1], torch.tensor(0.2))  # (.2 - .1) / .5


def test_networks_born_in_keras_are_also_tried_with_pixels_as_they_are() -> None:
    """ResNet50s of faces (EMO-AffectNet) take blue, green, red less a mean and nothing divided."""
    spec = Preprocessing(width=8, height=8)
    plain, more = (list(candidate_inputs(spec, "statistics", keras=keras)) for keras in (False, True))
    assert more[: len(plain)] == plain and len(more) == len(plain) + 4
    image = np.full((8, 8, 3), (200, 100, 50), np.uint8)
    raw, centred, red_first, caffe = (
        normalise([resize(image, one)], one)[0, :, 0, 0].tolist() for one in more[len(plain) :]
    )
    assert raw == pytest.approx([200, 100, 50], rel=1e-5)
    assert centred == pytest.approx([50 - 91.4953, 100 - 103.8827, 200 - 131.0912], rel=1e-4)
    assert red_first == pytest.approx(centred[::-1], rel=1e-4)
    assert caffe == pytest.approx([50 - 103.939, 100 - 116.779, 200 - 123.68], rel=1e-4)
    assert len(list(candidate_inputs(spec.model_copy(update={"grey": True}), "statistics", keras=True))) == 3
