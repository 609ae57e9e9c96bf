"""The classifier learns what can be learned, and leaves its mode as it was."""

import pytest
import torch

from denoise_lib.tasks.classification import Classifier, classify, fit_classifier
from denoise_lib.training import Recipe

SHORT = Recipe(steps=60, batch_size=8, learning_rate=5e-3, ema=0.9)


def test_it_learns_to_tell_bright_from_dark_textures():
    torch.manual_seed(0)
    labels = torch.arange(40) % 2
    images = (0.4 + 0.2 * labels.view(-1, 1, 1, 1) + 0.05 * torch.randn(40, 1, 64, 64)).clamp(0, 1)
    model = Classifier(widths=(4, 8))

    fit_classifier(model, images[:30], labels[:30], SHORT, progress=False)
    model.train()
    logits = classify(model, images[30:])

    assert ((logits > 0) == labels[30:].bool()).all()
    assert model.training and logits.shape == (10,)


def test_labels_must_fit_the_images():
    with pytest.raises(ValueError, match="one label per image"):
        fit_classifier(Classifier(), torch.rand(3, 1, 64, 64), torch.zeros(2))


def test_it_drops_features_in_training_and_only_there():
    torch.manual_seed(0)
    model, image = Classifier(widths=(4, 64)), torch.rand(1, 1, 64, 64).repeat(2, 1, 1, 1)

    with torch.no_grad():
        trained = {model.train()(image)[0].item() for _ in range(4)}

    assert len(trained) > 1
    assert torch.equal(classify(model, image[:1]), classify(model, image[:1]))
