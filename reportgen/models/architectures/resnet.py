"""The notebook's transfer-learning model: torchvision's ResNet18 with a new head."""

from __future__ import annotations

from torch import Tensor, nn

from reportgen.models.architectures.torchvision_ops import import_torchvision

__all__ = ["TransferLearningModel"]


class TransferLearningModel(nn.Module):
    """ResNet18 as `backbone`, its `fc` replaced by dropout and one linear layer.

    No pretrained weights are ever fetched: the checkpoint brings them all.
    """

    def __init__(self, num_classes: int = 7) -> None:
        super().__init__()
        self.backbone: nn.Module = import_torchvision().models.resnet18(weights=None)
        self.backbone.fc = nn.Sequential(nn.Dropout(0.5), nn.Linear(512, num_classes))

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) normalised image -> (B, num_classes) logits."""
        logits: Tensor = self.backbone(x)
        return logits
