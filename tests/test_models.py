"""Networks: the papers' parameter counts, any image size, gradients, learning."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from denoise_lib import methods
from denoise_lib.methods import registry, vincent

NETWORKS = registry.methods(registry.Network)
SMALL = {name: network.tiny for name, network in NETWORKS.items()}


@pytest.fixture(params=NETWORKS)
def small(request):
    torch.manual_seed(0)
    return methods.create(request.param, **SMALL[request.param])


@pytest.mark.parametrize(
    ("name", "config", "parameters"),
    [
        ("dncnn", {}, 556_097),
        ("dncnn-b", {}, 667_073),
        ("gondara", {}, 112_001),
        ("liu", {}, 1_027_937),
        ("liu", {"channels": 3}, 1_033_443),
        ("rdn", {}, 21_973_377),
        ("rdn", {"blocks": 20, "layers": 6, "growth": 32}, 5_466_497),
        # Tied: W, b and b' of 144-1000, 1000-1000 and 1000-1000.
        ("vincent", {}, 144 * 1000 + 1144 + 2 * (1000 * 1000 + 2000)),
    ],
)
def test_parameter_counts(name, config, parameters):
    assert methods.count_parameters(methods.create(name, **config)) == parameters


def test_denoising_autoencoder_parameters_with_and_without_tied_weights():
    tied = vincent.DenoisingAutoencoder(784, 500)
    untied = vincent.DenoisingAutoencoder(784, 500, tied=False)

    assert methods.count_parameters(tied) == 393_284
    assert methods.count_parameters(untied) == 393_284 + 392_000


def test_dncnn_has_17_convolutions_and_no_bias_in_the_middle():
    convolutions = [m for m in methods.create("dncnn").modules() if isinstance(m, torch.nn.Conv2d)]

    assert len(convolutions) == 17
    assert [c.bias is not None for c in convolutions] == [True] + 15 * [False] + [True]
    assert {c.kernel_size for c in convolutions} == {(3, 3)}


@settings(max_examples=15, deadline=None)
@given(
    name=st.sampled_from(list(NETWORKS)),
    height=st.integers(1, 50),
    width=st.integers(1, 50),
)
def test_every_image_size_works(name, height, width):
    model = methods.create(name, **SMALL[name]).eval()

    estimate = model(torch.rand(2, 1, height, width), sigma=25)

    assert estimate.shape == (2, 1, height, width)


def test_dncnn_starts_as_the_identity_and_subtracts_its_residual():
    model = methods.create("dncnn").eval()
    noisy = torch.rand(1, 1, 20, 20)

    torch.testing.assert_close(model(noisy), noisy)
    torch.nn.init.constant_(model.tail.bias, 0.25)
    torch.testing.assert_close(model(noisy), noisy - 0.25)


def test_dncnn_variants_of_the_ablation():
    direct = methods.create("dncnn", **SMALL["dncnn"], residual_learning=False).eval()
    plain = methods.create("dncnn", **SMALL["dncnn"], batch_norm=False)
    noisy = torch.rand(1, 1, 20, 20)

    torch.nn.init.constant_(direct.tail.bias, 0.25)
    torch.testing.assert_close(direct(noisy), torch.full_like(noisy, 0.25))
    assert not [m for m in plain.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert all(m.bias is not None for m in plain.modules() if isinstance(m, torch.nn.Conv2d))


def test_dncnn_receptive_field_is_2d_plus_1():
    model = methods.create("dncnn", depth=5, features=8).eval()
    torch.nn.init.ones_(model.tail.weight)
    noisy = torch.rand(1, 1, 31, 31, requires_grad=True)

    model.residual(noisy)[0, 0, 15, 15].backward()

    rows, columns = noisy.grad[0, 0].nonzero(as_tuple=True)
    assert (rows.min(), rows.max()) == (10, 20)
    assert (columns.min(), columns.max()) == (10, 20)


def test_gondara_output_is_in_the_range_of_an_image():
    estimate = methods.create("gondara")(10 * torch.randn(1, 1, 16, 16))

    assert estimate.min() >= 0 and estimate.max() <= 1


def test_gradients_are_right_in_double_precision(small):
    small = small.double().eval()
    for last in (getattr(small, "tail", None), getattr(small, "output", None)):
        if last is not None:  # zero at first, which no wrong gradient would pass through
            torch.nn.init.normal_(last.weight, std=0.1)
    noisy = torch.rand(1, 1, 6, 6, dtype=torch.float64, requires_grad=True)

    assert torch.autograd.gradcheck(small, noisy)


def test_each_model_overfits_one_batch(small):
    clean = torch.rand(2, 1, 4, 4).repeat_interleave(4, -1).repeat_interleave(4, -2)
    noisy = clean + 0.1 * torch.randn(clean.shape)
    # Sigmoid units learn slowly; the deepest network wants small steps.
    rate = {"PatchAutoencoder": 3e-2, "LiuDenoiser": 1e-3}.get(type(small).__name__, 1e-2)
    optimizer = torch.optim.Adam(small.parameters(), rate)

    def step():
        loss = torch.nn.functional.mse_loss(small(noisy), clean)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    losses = [step() for _ in range(200)]

    assert losses[-1] < 0.25 * losses[0]


def test_training_and_evaluation_agree_once_the_statistics_have_settled(small):
    """Batch norm's running statistics must describe what the layers see."""
    norms = [m for m in small.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    noisy = torch.rand(8, 1, 24, 24)
    with torch.no_grad():
        for last in (getattr(small, "tail", None), getattr(small, "output", None)):
            if last is not None:
                torch.nn.init.normal_(last.weight, std=0.1)
        in_training = [small.train()(noisy) for _ in range(80)][-1]
        in_evaluation = small.eval()(noisy)

    change = (in_training - noisy).std()
    assert (in_training - in_evaluation).std() <= (0.05 * change if norms else 1e-6)


def test_models_can_be_exported(small):
    noisy = torch.rand(1, 1, 20, 28)

    exported = torch.export.export(small.eval(), (noisy,)).module()

    torch.testing.assert_close(exported(noisy), small(noisy))


def test_models_can_be_compiled_as_one_graph(small):
    noisy = torch.rand(1, 1, 21, 30)

    compiled = torch.compile(small.eval(), backend="aot_eager", fullgraph=True)

    with torch.no_grad():
        torch.testing.assert_close(compiled(noisy), small(noisy))


def test_tied_decoder_is_the_transposed_encoder():
    layer = vincent.DenoisingAutoencoder(6, 4, decoder="affine")
    code = torch.rand(3, 4)

    assert layer.decoder_weight is None
    torch.testing.assert_close(layer.decode(code), code @ layer.weight + layer.decoder_bias)


def test_overlapping_patches_of_an_identity_give_the_image_back():
    model = vincent.PatchAutoencoder(patch_size=5, stride=3, hidden=(4,))
    model.stack = torch.nn.Identity()
    noisy = torch.rand(2, 1, 17, 23)

    torch.testing.assert_close(model(noisy), noisy)


def test_overlapping_patches_are_added_up_in_single_precision_under_autocast():
    model = vincent.PatchAutoencoder(patch_size=4, stride=1, hidden=(8,))
    noisy = torch.rand(1, 1, 16, 16)

    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        estimate = model(noisy)

    # Sums of sixteen numbers in bfloat16 would keep eight bits: the image would be quantised.
    assert estimate.dtype == torch.float32
    assert not torch.equal(estimate, estimate.bfloat16().float())


def test_whole_image_autoencoder_takes_any_size_and_loses_what_does_not_fit():
    model = vincent.WholeImageAutoencoder(size=8, hidden=(4,))

    assert model(torch.rand(2, 1, 17, 31)).shape == (2, 1, 17, 31)


def test_liu_is_the_released_network_on_the_image_with_its_border_replicated():
    model = methods.create("liu").eval()
    torch.nn.init.normal_(model.output.weight, std=0.1)
    noisy = torch.rand(1, 1, 34, 34)
    padded = torch.nn.functional.pad(noisy, (3, 3, 3, 3), mode="replicate")

    assert model.valid(padded[..., :40, :40]).shape == (1, 1, 34, 34)
    torch.testing.assert_close(model(noisy), model.valid(padded))


def test_liu_starts_as_the_identity_at_any_size():
    noisy = torch.rand(1, 1, 33, 35)

    assert torch.equal(methods.create("liu").eval()(noisy), noisy)


def test_rdn_fuses_the_blocks_but_not_f0_and_adds_f_minus_1():
    model = methods.create("rdn", **SMALL["rdn"])

    assert model.fusion[0].in_channels == 2 * 8
    torch.nn.init.zeros_(model.fusion[1].weight)
    torch.nn.init.zeros_(model.fusion[1].bias)
    noisy = torch.rand(1, 1, 9, 9)
    torch.testing.assert_close(model(noisy), model.output(model.shallow1(noisy)))


def test_rdn_block_is_the_papers_equation():
    """Against the equation written out, with G different from G0; a ReLU after LFF would show."""
    torch.manual_seed(0)
    model = methods.create("rdn", blocks=1, layers=2, growth=3, features=5)
    block = model.blocks[0]
    f0 = torch.randn(1, 5, 6, 7)
    first, second = block.convs

    f1 = torch.relu(first(f0))
    f2 = torch.relu(second(torch.cat([f0, f1], dim=1)))
    expected = f0 + block.fusion(torch.cat([f0, f1, f2], dim=1))

    assert expected.min() < 0
    torch.testing.assert_close(block(f0), expected)


def test_rdn_skips_from_f_minus_1_without_a_relu_after_the_fusion():
    torch.manual_seed(0)
    model = methods.create("rdn", **SMALL["rdn"])
    noisy = torch.randn(1, 1, 9, 9)

    f_minus_1 = model.shallow1(noisy)
    f1 = model.blocks[0](model.shallow2(f_minus_1))
    f2 = model.blocks[1](f1)
    fused = model.fusion[1](model.fusion[0](torch.cat([f1, f2], dim=1)))

    assert fused.min() < 0
    torch.testing.assert_close(model(noisy), model.output(f_minus_1 + fused))


def test_rdn_image_skip_adds_no_parameter():
    plain = methods.create("rdn", **SMALL["rdn"])
    skipping = methods.create("rdn", **SMALL["rdn"], image_skip=True)
    skipping.load_state_dict(plain.state_dict())
    noisy = torch.rand(1, 1, 9, 9)

    torch.testing.assert_close(skipping(noisy), noisy + plain(noisy))


def test_state_dict_names_are_stable():
    assert list(methods.create("gondara").state_dict())[:2] == [
        "encoder.0.weight",
        "encoder.0.bias",
    ]
    names = list(methods.create("dncnn").state_dict())
    assert names[:2] == ["head.0.weight", "head.0.bias"]
    assert names[2:4] == ["body.0.0.weight", "body.0.1.weight"]
    assert names[-2:] == ["tail.weight", "tail.bias"]
    assert list(methods.create("vincent", **SMALL["vincent"]).state_dict())[:3] == [
        "stack.layers.0.weight",
        "stack.layers.0.bias",
        "stack.layers.0.decoder_bias",
    ]
    names = list(methods.create("rdn", **SMALL["rdn"]).state_dict())
    assert names[:1] + names[4:5] == ["shallow1.weight", "blocks.0.convs.0.weight"]
    assert "blocks.1.fusion.weight" in names and "fusion.0.weight" in names
    names = list(methods.create("liu").state_dict())
    assert names[:3] == ["stem.weight", "stem.bias", "encode2.conv.0.weight"]
    assert "decode2.bottleneck.6.weight" in names and names[-1] == "output.bias"


def test_an_unknown_model_lists_the_known_ones():
    with pytest.raises(ValueError, match="vincent, gondara, dncnn, dncnn-b, liu, rdn"):
        methods.create("resnet")
    with pytest.raises(ValueError, match="at least 2"):
        methods.create("dncnn", depth=1)
    with pytest.raises(
        ValueError, match="blocks must be a whole number between 1 and 10,000, not 0"
    ):
        methods.create("rdn", blocks=0)
    with pytest.raises(ValueError, match="sigmoid, affine"):
        vincent.DenoisingAutoencoder(4, 2, decoder="relu")
    with pytest.raises(ValueError, match="between 1 and the patch size"):
        methods.create("vincent", patch_size=4, stride=5)
    with pytest.raises(ValueError, match="at least one hidden layer"):
        methods.create("vincent", hidden=())
