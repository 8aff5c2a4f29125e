# REQUIRES: python
# RUN: rm -rf %t && %python %s %test_bin/qnt-import %source/test/Bench %t
# Checkpoints that must be refused: one line that names the file and the key or
# tensor, exit status 1, nothing printed.
import json
import os
import re
import shutil
import subprocess
import sys

program, bench, folder = sys.argv[1:]
sys.path.insert(0, bench)
import make_checkpoint as make

failures = 0


def check(name, pattern, *flags):
    """Imports `folder`, which must fail with a message that `pattern` finds."""
    global failures
    result = subprocess.run([program, folder, *flags], capture_output=True,
                            text=True, errors="replace")
    lines = result.stderr.strip().split("\n")
    message = lines[0]
    if (result.returncode != 1 or result.stdout or len(lines) != 1
            or not message.startswith("<unknown>:0: error: ")
            or not re.search(pattern, message)):
        failures += 1
        print(f"{name}: status {result.returncode}, expected one line with "
              f"{pattern!r}, got:\n{result.stderr}{result.stdout[:200]}")


def fresh(like, **changes):
    """A checkpoint of the shape `like` with a changed config.json; the tensors
    are those of the unchanged one. A change to ... drops the key."""
    shutil.rmtree(folder, ignore_errors=True)
    make.write(folder, make.SHAPES[like], "f32")
    config = make.SHAPES[like] | changes
    put("config.json", {k: v for k, v in config.items() if v is not ...})


def put(name, value):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(value if isinstance(value, str) else json.dumps(value))


def tensors(edit):
    """Rewrites the header of model.safetensors; `edit` changes a dictionary of
    entries whose data stays where it is."""
    path = os.path.join(folder, "model.safetensors")
    with open(path, "rb") as file:
        data = file.read()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + size])
    edit(header)
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text + data[8 + size:])


# Configurations: (shape, changes, message after the name of config.json).
CONFIGS = [
    ("tiny-llama", {"architectures": ["GPT2LMHeadModel"]},
     r"unknown architecture 'GPT2LMHeadModel', expected one of .*BertModel, "
     r"LlamaForCausalLM"),
    ("tiny-llama", {"architectures": ...}, "'architectures' must be a list"),
    ("tiny-llama", {"architectures": []}, "'architectures' must be a list"),
    ("tiny-llama", {"architectures": 3}, "'architectures' must be"),
    ("tiny-llama", {"hidden_size": ...}, "'hidden_size'"),
    ("tiny-llama", {"hidden_size": "32"},
     "'hidden_size' must be an integer, got a string"),
    ("tiny-llama", {"hidden_size": 32.5}, "'hidden_size' must be an integer"),
    ("tiny-llama", {"hidden_size": -32}, "'hidden_size'.*-32"),
    ("tiny-llama", {"hidden_size": 1 << 40}, "'hidden_size'.*1099511627776"),
    ("tiny-llama", {"hidden_size": 1 << 70}, "'hidden_size'"),
    ("tiny-llama", {"vocab_size": 0}, "'vocab_size'"),
    ("tiny-llama", {"vocab_size": 1 << 30},
     r"'model.embed_tokens.weight' would have the shape \[1073741824, 32\]"),
    ("tiny-llama", {"num_hidden_layers": 1 << 30},
     "'num_hidden_layers' is 1073741824, but .* has no tensor"),
    ("tiny-llama", {"num_hidden_layers": 3},
     r"has no tensor 'model.layers.2.input_layernorm.weight'"),
    ("tiny-llama", {"num_attention_heads": 5, "num_key_value_heads": 5},
     "'num_attention_heads' must divide 'hidden_size', got 5 and 32"),
    ("tiny-llama", {"num_key_value_heads": 3},
     "'num_key_value_heads' must divide 'num_attention_heads', got 3 and 4"),
    ("tiny-llama", {"head_dim": 1 << 30},
     "'num_attention_heads' times 'head_dim' is 4294967296"),
    ("tiny-llama", {"head_dim": 7, "rope_theta": 1}, "even number of rotated"),
    ("tiny-llama", {"rms_norm_eps": -1}, "'rms_norm_eps' must be a number"),
    ("tiny-llama", {"rms_norm_eps": "small"}, "'rms_norm_eps' must be"),
    ("tiny-llama", {"rope_theta": 0}, "'rope_theta' must be above 0"),
    ("tiny-llama", {"partial_rotary_factor": 2.0}, "'partial_rotary_factor'"),
    ("tiny-llama", {"hidden_act": "quick_gelu"},
     "'hidden_act' is 'quick_gelu', expected silu"),
    ("tiny-llama", {"attention_bias": 1}, "'attention_bias' must be"),
    ("tiny-llama", {"eos_token_id": 64}, "'eos_token_id'.* below 64, got 64"),
    ("tiny-llama", {"bos_token_id": "x"}, "'bos_token_id' must hold token ids"),
    ("tiny-llama", {"quantization_config": {"quant_method": "gptq"}},
     r"quantization_config: the checkpoint is quantised \(gptq\)"),
    ("tiny-llama", {"rope_scaling": 2}, "'rope_scaling' must be an object"),
    ("tiny-qwen2", {"layer_types": ["full_attention"]},
     "'layer_types' has 1 entries, expected 2"),
    ("tiny-qwen2", {"layer_types": ["full_attention", "linear_attention"]},
     "'layer_types' has 'linear_attention'"),
    ("tiny-qwen2", {"layer_types": ["sliding_attention"] * 2,
                    "sliding_window": None}, "'sliding_window' is missing"),
    ("tiny-qwen2", {"use_sliding_window": True, "max_window_layers": -1},
     "'max_window_layers'"),
    ("tiny-mistral", {"sliding_window": 0}, "'sliding_window'"),
    ("tiny-smollm3", {"no_rope_layers": [1]},
     "'no_rope_layers' has 1 entries, expected 4"),
    ("tiny-bert", {"position_embedding_type": "relative_key"},
     "'position_embedding_type' is 'relative_key', expected absolute"),
    ("tiny-bert", {"is_decoder": True}, "'is_decoder' is true"),
    ("tiny-bert", {"num_attention_heads": 5}, "'num_attention_heads' must"),
    ("tiny-bert", {"max_position_embeddings": 100},
     r"position_embeddings.weight' has the shape \[128, 32\], expected "
     r"\[100, 32\]"),
]
for kind in ("dynamic", "longrope", "su", "mrope"):
    CONFIGS.append(("tiny-llama", {"rope_scaling": {"type": kind}},
                    f"rope_scaling: rotary scaling '{kind}' is not supported"))
LLAMA3 = {"rope_type": "llama3", "factor": 8, "low_freq_factor": 1,
          "high_freq_factor": 4, "original_max_position_embeddings": 64}
YARN = {"rope_type": "yarn", "factor": 4}
for settings, pattern in [
        ({"type": "linear"}, "'factor'"),
        ({"type": "linear", "factor": 0}, "'factor' must be above 0"),
        (LLAMA3 | {"high_freq_factor": 1}, "'high_freq_factor' must be above"),
        (LLAMA3 | {"original_max_position_embeddings": None},
         "'original_max_position_embeddings'"),
        (YARN | {"beta_fast": 1}, "'beta_fast' must be above"),
        (YARN | {"truncate": False}, "'truncate' is false"),
        ({"full_attention": {}, "sliding_attention": {}}, "by kind of layer")]:
    key = "rope_parameters" if "full_attention" in settings else "rope_scaling"
    CONFIGS.append(("tiny-llama", {key: settings}, key + ": .*" + pattern))

for like, changes, pattern in CONFIGS:
    fresh(like, **changes)
    where = r"model\.safetensors" if "has the shape" in pattern else "config"
    check(f"{like} {changes}", where + ".*" + pattern)

# Files.
fresh("tiny-llama")
check("KV type", "unknown type 'f8' of the KV cache", "--kv-type=f8")
put("config.json", '{"hidden_size": 32,\n  "architectures": [')
check("malformed", r"config\.json: line 2")
put("config.json", "[1]")
check("no object", r"config\.json: must be a JSON object, got array")
os.remove(os.path.join(folder, "config.json"))
check("no config", r"config\.json")
fresh("tiny-llama")
os.remove(os.path.join(folder, "model.safetensors"))
check("no tensors", r"model\.safetensors")
shutil.rmtree(folder)
check("no folder", "expected a checkpoint folder")

# Tensors.
NAME = "model.layers.1.mlp.up_proj.weight"


def edit_missing(header):
    header[NAME + "s"] = header.pop(NAME)


def edit_shape(header):
    header[NAME]["shape"].reverse()


def edit_dtype(header):
    header[NAME]["dtype"] = "I32"


for edit, pattern in [
        (edit_missing, f"'{NAME}'"),
        (edit_shape, rf"tensor '{NAME}' has the shape \[32, 48\], expected "
         r"\[48, 32\] by config.json"),
        (edit_dtype, f"tensor '{NAME}' holds I32, expected F32, F16, BF16")]:
    fresh("tiny-llama")
    tensors(edit)
    check(edit.__name__, r"model\.safetensors.*" + pattern)

# Tokenizers.
BPE = {"model": {"type": "BPE", "vocab": {"a": 0, "b": 63}, "merges": []}}
for value, pattern in [
        ({"model": {"vocab": {"a": 0, "b": 64}}},
         "does not match the vocabulary: it has ids up to 64, but the model "
         "embeds 64 tokens"),
        ({"model": {"type": "Unigram", "vocab": [["a", 0.0]] * 65}},
         "ids up to 64"),
        (BPE | {"added_tokens": [{"id": 70, "content": "<x>"}]},
         "ids up to 70"),
        (BPE | {"added_tokens": [{"content": "<x>"}]}, "an added token"),
        (BPE | {"added_tokens": [3]}, "an added token"),
        ({"model": {"vocab": {"a": -1}}}, 'the id of token "a" must be'),
        ({"model": {"vocab": 3}}, "'vocab' must be an object or a list"),
        ({"model": {}}, "has no 'vocab'"),
        ("{", "line 1")]:
    fresh("tiny-llama")
    put("tokenizer.json", value)
    check(f"tokenizer {value}", r"tokenizer\.json: .*" + pattern)
fresh("tiny-llama")
put("tokenizer.model", "not a model")
check("SentencePiece", r"tokenizer\.model: ")
fresh("tiny-llama")
put("generation_config.json", {"eos_token_id": [1, 99]})
check("generation", r"generation_config\.json: 'eos_token_id'.*got 99")

# Sentence embeddings.
MODULES = [{"type": f"sentence_transformers.models.{name}", "path": path}
           for name, path in (("Transformer", ""), ("Pooling", "1_Pooling"),
                              ("Normalize", "2_Normalize"))]
MEAN = {"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True}
for modules, pooling, pattern in [
        ({}, MEAN, r"modules\.json: must be a list"),
        ([3], MEAN, r"modules\.json: \[0\]: must be a JSON object"),
        (MODULES[:2] + [{"type": "models.Dense"}], MEAN,
         r"modules\.json: \[2\]: module 'models.Dense' is not supported"),
        (MODULES[::-1], MEAN, r"modules\.json: \[0\]: .* is out of order"),
        (MODULES, MEAN | {"word_embedding_dimension": 16},
         r"config\.json: 'word_embedding_dimension' is 16, expected .* 32"),
        (MODULES, {"pooling_mode_cls_token": True},
         "pooling 'pooling_mode_cls_token' is not supported"),
        (MODULES, {"pooling_mode_mean_tokens": False}, "expected mean pooling"),
        (MODULES, {"pooling_mode": "cls"}, "expected mean pooling"),
        (MODULES, "", r"1_Pooling/config\.json")]:
    fresh("tiny-bert")
    put("modules.json", modules)
    put("1_Pooling/config.json", pooling)
    check(f"pooling {modules} {pooling}", pattern)

# What the cases start from is imported: they fail for the reason they name.
for like in make.SHAPES:
    if like.startswith("tiny"):
        fresh(like)
        status = subprocess.run([program, folder], capture_output=True)
        if status.returncode or status.stderr:
            failures += 1
            print(f"{like}: {status.stderr.decode()}")
sys.exit(failures > 0)
