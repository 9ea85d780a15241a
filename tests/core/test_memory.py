"""The memory estimate against numbers worked out by hand."""

import json

import pytest

from s2r_rewards.adapter.memory import GIB, Load, Shape, engine_needs, estimate, sampling, shape_of, training

#: config.json of the recipes' models, and the parameters that their model cards state.
QWEN = {"model_type": "qwen2", "hidden_size": 3584, "num_hidden_layers": 28, "num_attention_heads": 28,
        "num_key_value_heads": 4, "intermediate_size": 18944, "vocab_size": 152064}  # fmt: skip
LLAMA = {"model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
         "num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 128256}  # fmt: skip
SMALL = {"model_type": "qwen2", "hidden_size": 896, "num_hidden_layers": 24, "num_attention_heads": 14,
         "num_key_value_heads": 2, "intermediate_size": 4864, "vocab_size": 151936, "tie_word_embeddings": True}  # fmt: skip
#: 2 layers; hidden 4; 2 heads of 2, 1 of them for keys and values; gate 8; 10 words
TINY = Shape(4, 2, 2, 1, 8, 10, 2)


@pytest.mark.parametrize(
    ("config", "parameters"), [(QWEN, 7_615_616_512), (LLAMA, 8_030_261_248), (SMALL, 494_032_768)]
)
def test_parameters_are_those_of_the_real_models(config, parameters):
    assert Shape.of(config).parameters == parameters


def test_a_tiny_model_by_hand():
    # attention: q 4·4, k and v 2·4·2, o 4·4; gate, up, down 3·4·8; two norms of 4
    assert TINY.layer == 16 + 16 + 16 + 96 + 8
    assert TINY.embeddings == 80
    assert TINY.parameters == 2 * 152 + 80 + 4 == 388
    assert TINY.cache == 2 * 2 * 2 * 1 * 2  # keys and values, 2 bytes, 2 layers, 1 head of 2
    assert TINY.within_layer == 6 * 4 + (4 + 2) * 2 + 4 * 8 == 68


def test_training_by_hand():
    load = Load(gpus=4, tokens=100, forward_tokens=200)
    parts = training(TINY, load)
    assert parts == {
        "state": 16 * 388 / 4,
        "reference": 2 * 388 / 4,
        "gathered": 2 * (2 * 152 + 80),
        "activations": 2 * 100 * (2 * 4 + 68),
        "logits": 10 * 200 * 6,  # the forward pass: 200 · 6 is more than 100 · 10
        "overhead": 4 * GIB,
    }
    whole = training(TINY, Load(gpus=1, tokens=100, whole=2, state=14, reference=0, checkpointing=False))
    assert (whole["state"], whole["reference"], whole["gathered"]) == (16 * 388, 0, 0)
    assert whole["activations"] == 2 * 100 * 2 * 68  # every layer keeps all
    assert whole["logits"] == 10 * 100 * 10


@pytest.mark.parametrize(
    ("stays", "state"), [(None, 16 * 388 / 4), ((0, 0), 0), ((2, 0), 2 * 388 / 4), ((0, 2), 2 * 388)]
)
def test_sampling_by_hand(stays, state):
    load = Load(gpus=4, tokens=1, engine=0.6, tensor_parallel=2, longest=50, stays=stays)
    assert sampling(TINY, load, 1000.0) == {"engine": 600.0, "state": state + 2 * 388 / 4, "overhead": 4 * GIB}
    assert engine_needs(TINY, load) == (2 * 388 + 16 * 50) / 2 + 3 * GIB


def test_a_reference_that_is_not_sharded_is_whole_on_every_gpu():
    load = Load(gpus=4, tokens=1, reference=0, reference_whole=2, stays=(2, 0))
    assert training(TINY, load)["reference"] == 2 * 388
    assert sampling(TINY, load, 1000.0)["state"] == 2 * 388 / 4 + 2 * 388


def test_an_engine_that_stays_awake_takes_its_share_from_training():
    shape = Shape.of(QWEN)
    found = {
        awake: next(estimate(shape, Load(gpus=8, tokens=7000, engine=0.6, awake=awake), 80 * GIB)).level
        for awake in (False, True)
    }
    assert found == {False: "ok", True: "problem"}  # 37 GiB, and 48 of the engine


def test_a_7b_model_on_eight_gpus_and_on_two():
    """16 · 7.6e9 / 8 = 14.2 GiB of state; 20,000 · 152,064 · 10 bytes = 28.3 GiB of logits."""
    shape = Shape.of(QWEN)
    load = Load(gpus=8, tokens=20_000, reference=0, engine=0.6, tensor_parallel=2, longest=7024)
    parts = training(shape, load)
    assert parts["state"] / GIB == pytest.approx(14.185, abs=1e-3)
    assert parts["logits"] / GIB == pytest.approx(28.324, abs=1e-3)
    assert [f.level for f in estimate(shape, load, 80 * GIB)] == ["ok", "ok"]
    two = Load(gpus=2, tokens=20_000, reference=0, engine=0.6, longest=7024, ways_out={"training": "a.b=1"})
    found = list(estimate(shape, two, 80 * GIB))
    assert [f.level for f in found] == ["problem", "problem"]
    assert found[0].way_out == "it does not fit: a.b=1"
    assert "state 56.7" in found[0].found


def test_an_engine_without_room_for_one_response():
    shape = Shape.of(QWEN)
    load = Load(gpus=8, tokens=1000, engine=0.2, longest=8000)
    *_, last = estimate(shape, load, 80 * GIB)
    assert (last.level, last.what) == ("problem", "memory of each GPU, engine")
    # 15.23e9 bytes of weights, 8000 · 57,344 of cache: 14.6 GiB, and 3 beside
    assert last.found == "17.6 GiB for weights and one longest response, its share is 16.0"


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({**QWEN, "num_experts": 8}, "mixture of experts"),
        ({k: v for k, v in QWEN.items() if k != "intermediate_size"}, "no 'intermediate_size'"),
        ({"model_type": "mamba", "hidden_size": 8}, "no 'num_attention_heads'"),
    ],
)
def test_models_of_another_form_have_no_estimate(config, said):
    with pytest.raises(ValueError, match=said):
        Shape.of(config)


def test_a_folder_counts_more_than_the_recipe(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(SMALL))
    assert shape_of(str(tmp_path), {"shape": QWEN}) == Shape.of(SMALL)
    assert shape_of("Qwen/Qwen2-7B-Instruct", {"shape": QWEN}) == Shape.of(QWEN)
    with pytest.raises(ValueError, match="no block `shape`"):
        shape_of("Qwen/Qwen2-7B-Instruct", {})
