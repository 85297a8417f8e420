"""The head behind the target layer gives the model's own logits, or there is none."""

import pytest
import torch
from torch import nn

from reportgen.models.architectures.custom_cnn import CustomCNN
from reportgen.models.architectures.resnet import TransferLearningModel
from reportgen.models.head import split_head


@pytest.mark.parametrize(
    ("make", "layer"),
    [(CustomCNN, "conv4"), (CustomCNN, "conv4.bn"), (CustomCNN, "conv2"), (TransferLearningModel, "backbone.layer4")],
)
def test_the_heads_logits_are_the_models(make, layer):
    module = make().eval()
    kept = []
    module.get_submodule(layer).register_forward_hook(lambda *args: kept.append(args[2].clone()))
    with torch.no_grad():
        logits = module(torch.randn(2, 3, 64, 64))
        head = split_head(module, layer)
        assert torch.equal(head(kept[0]), logits)


class AroundTheLayer(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)

    def forward(self, x):
        y = self.a(x)
        return (self.b(y) + y).mean(dim=(2, 3))


class Twice(AroundTheLayer):
    def forward(self, x):
        return self.b(self.b(x)).mean(dim=(2, 3))


class Branches(AroundTheLayer):
    def forward(self, x):
        return self.b(x if x.sum() > 0 else -x).mean(dim=(2, 3))


@pytest.mark.parametrize("make", [AroundTheLayer, Twice, Branches])
def test_no_head_where_it_would_not_be_the_whole_story(make):
    assert split_head(make().eval(), "b") is None
