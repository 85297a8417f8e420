"""Class-activation maps against values worked out by hand and against autograd, one class at a time."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from reportgen.explain.capture import TargetCapture
from reportgen.explain.maps import METHODS, channel_weights, class_gradients, raw_maps

# One image, two channels, 2 x 2 cells; a head that averages over the cells and applies a 2 x 2 matrix:
#   logit_0 = 1 * mean(A_0) - 2 * mean(A_1),   logit_1 = 0 * mean(A_0) + 4 * mean(A_1)
A = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]], [[0.0, 1.0], [1.0, 2.0]]]])
HEAD = torch.tensor([[1.0, -2.0], [0.0, 4.0]])


def linear_head(a):
    return a.mean(dim=(2, 3)) @ HEAD.T


def explained():
    a = A.clone().requires_grad_(True)
    logits = linear_head(a)
    return logits, a, class_gradients(logits, a)


def test_gradients_of_a_linear_head_are_its_weights_over_the_number_of_cells():
    logits, _, g = explained()
    assert logits.tolist() == [[2.5 - 2.0, 4.0]]
    assert g.shape == (2, 1, 2, 2, 2)
    assert torch.equal(channel_weights(g)[:, 0], HEAD / 4)
    assert torch.equal(g[0, 0, 1], torch.full((2, 2), -0.5))


def test_gradcam_by_hand():
    _, a, g = explained()
    raw = raw_maps("gradcam", a, g)
    # class 0: A_0 / 4 - A_1 / 2; class 1: A_1. Signed: no ReLU here.
    expected = [[[[0.25, 0.0], [0.25, 0.0]], [[0.0, 1.0], [1.0, 2.0]]]]
    assert torch.equal(raw, torch.tensor(expected))
    # Global average pooling and one linear layer: the map's sum is the logit.
    assert raw.sum(dim=(2, 3)).tolist() == [[0.5, 4.0]]


def test_hirescam_equals_gradcam_where_the_gradient_is_the_same_in_every_cell():
    _, a, g = explained()
    assert torch.equal(raw_maps("hirescam", a, g), raw_maps("gradcam", a, g))


def test_hirescam_and_layercam_by_hand_where_it_is_not():
    a = torch.tensor([[[[1.0, 2.0]]]])
    g = torch.tensor([[[[[3.0, -1.0]]]]])
    assert raw_maps("hirescam", a, g).tolist() == [[[[3.0, -2.0]]]]
    assert raw_maps("layercam", a, g).tolist() == [[[[3.0, 0.0]]]]
    assert raw_maps("gradcam", a, g).tolist() == [[[[1.0, 2.0]]]]


def test_xgradcam_by_hand():
    a = torch.tensor([[[[1.0, 3.0]]]])
    g = torch.tensor([[[[2.0, 6.0]]]])[None]
    # weight = (1*2 + 3*6) / (1 + 3) = 5
    assert raw_maps("xgradcam", a, g).tolist() == [[[[5.0, 15.0]]]]


def test_gradcam_plus_plus_by_hand():
    a = torch.tensor([[[[1.0, 3.0]]]])
    g = torch.tensor([[[[[1.0, 2.0]]]]])
    # alpha = g^2 / (2 g^2 + sum(A) g^3) = 1 / (2 + 4), 4 / (8 + 32); weight = 1/6 + 2/10
    weight = 1 / 6 + 0.2
    np.testing.assert_allclose(raw_maps("gradcam++", a, g).ravel(), [weight, 3 * weight], rtol=1e-6)


def test_gradcam_plus_plus_has_no_pole_where_activations_are_of_both_signs():
    # The first channel's sum is -2: with its gradient of 1 the formula would divide by 0, and by next to it nearby.
    for gradient in (0.999, 1.0, 1.001):
        a = torch.tensor([[[[-3.0, 1.0]], [[2.0, 2.0]]]])
        g = torch.full((1, 1, 2, 1, 2), gradient)
        # alpha = 1/2 for the first, 1 / (2 + 4 g) for the second; both cells of a channel have the same gradient
        first, second = gradient, 2 * gradient / (2 + 4 * gradient)
        expected = [-3 * first + 2 * second, first + 2 * second]
        np.testing.assert_allclose(raw_maps("gradcam++", a, g).ravel(), expected, rtol=1e-5)


def test_xgradcam_has_no_pole_where_activations_add_up_to_nothing():
    a = torch.tensor([[[[-1.0, 1.0]]]])
    g = torch.tensor([[[[[2.0, 6.0]]]]])
    # weight = (-2 + 6) / (1 + 1) = 2
    assert raw_maps("xgradcam", a, g).ravel().tolist() == pytest.approx([-2.0, 2.0])


@given(st.integers(0, 2**31 - 1))
def test_no_channel_outweighs_its_gradients(seed):
    """Weights are means of gradients: none exceeds the largest of its channel, halved and summed for Grad-CAM++."""
    generator = torch.Generator().manual_seed(seed)
    a = torch.randn(1, 1, 3, 3, generator=generator)
    g = 10 * torch.randn(1, 1, 1, 3, 3, generator=generator)
    largest = float(a.abs().max())
    assert float(raw_maps("xgradcam", a, g).abs().max()) <= float(g.abs().max()) * largest * 1.0001
    assert float(raw_maps("gradcam++", a, g).abs().max()) <= float(g.relu().sum()) / 2 * largest * 1.0001


def test_gradcam_plus_plus_of_a_gradient_of_zero_is_zero():
    a, g = torch.ones(1, 2, 2, 2), torch.zeros(3, 1, 2, 2, 2)
    assert torch.equal(raw_maps("gradcam++", a, g), torch.zeros(1, 3, 2, 2))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31 - 1), st.sampled_from(sorted(METHODS)))
def test_images_of_a_batch_do_not_influence_each_other(seed, method):
    generator = torch.Generator().manual_seed(seed)
    head = nn.Sequential(nn.Conv2d(3, 4, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5)).eval()
    a = torch.rand(3, 3, 4, 4, generator=generator).requires_grad_(True)
    logits = head(a)
    together = raw_maps(method, a, class_gradients(logits, a))
    for i in range(3):
        one = a.detach()[i : i + 1].requires_grad_(True)
        alone = raw_maps(method, one, class_gradients(head(one), one))
        torch.testing.assert_close(together[i : i + 1], alone, rtol=1e-4, atol=1e-6)


def test_a_head_that_cannot_be_batched_gives_the_same_gradients():
    class Square(torch.autograd.Function):
        """Without a vmap rule, as many a custom operation."""

        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, grad):
            (x,) = ctx.saved_tensors
            if not isinstance(grad, torch.Tensor) or torch._C._functorch.is_batchedtensor(grad):
                raise RuntimeError("no batching rule")
            return 2 * x * grad

    a = A.clone().requires_grad_(True)
    logits = linear_head(Square.apply(a))
    expected = torch.stack([torch.autograd.grad(logits[:, c].sum(), a, retain_graph=True)[0] for c in range(2)])
    assert torch.equal(class_gradients(logits, a), expected)


class Tiny(nn.Module):
    def __init__(self, inplace=True):
        super().__init__()
        self.body = nn.Conv2d(1, 2, 1)
        self.act = nn.ReLU(inplace=inplace)
        self.fc = nn.Linear(2, 2)
        self.unused = nn.Conv2d(1, 1, 1)

    def forward(self, x):
        return self.fc(self.act(self.body(x)).mean(dim=(2, 3)))


def test_capture_survives_an_in_place_operation_behind_the_layer():
    module, x = Tiny().eval().requires_grad_(False), torch.randn(2, 1, 3, 3)
    with TargetCapture(module, "body") as capture:
        a, logits = capture.forward(module, x)
        g = class_gradients(logits, a)
    assert torch.equal(a.detach(), module.body(x))  # not overwritten by the ReLU
    assert torch.equal(logits.detach(), module(x))
    assert torch.equal((g != 0).any(dim=0), a > 0)


def test_hooks_are_gone_afterwards_also_after_an_error():
    module = Tiny().eval()
    with pytest.raises(ZeroDivisionError), TargetCapture(module, "body"):
        assert module.body._forward_hooks
        raise ZeroDivisionError
    assert not module.body._forward_hooks


def test_a_layer_outside_the_forward_pass_is_named():
    from reportgen.errors import ConfigError

    module = Tiny().eval()
    with TargetCapture(module, "unused") as capture, pytest.raises(ConfigError, match="'unused' is not used"):
        capture.forward(module, torch.zeros(1, 1, 2, 2))


def test_a_layer_without_a_feature_map_is_named():
    from reportgen.errors import ConfigError

    module = Tiny().eval()
    with TargetCapture(module, "fc") as capture, pytest.raises(ConfigError, match=r"expected a feature map"):
        capture.forward(module, torch.zeros(1, 1, 2, 2))
