"""Writes the golden tensors beside this script with plain PyTorch (>= 1.13) and nothing else.

The mathematics is written from the papers, not from this repository's engine: LLaMA as Hugging Face computes it
(RMSNorm, rotate_half RoPE, causal grouped-query attention, SwiGLU) and MoKA with its Kronecker products built densely,
y = W x + c * sum_i alpha_i (A_i kron B_i) x with alpha = softmax(g / tau).
Inputs are rounded to float32, everything after them is float64, results are stored as float32.
"""
import json
import math
import random
import struct
from pathlib import Path

import torch

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)

FOLDER = Path(__file__).resolve().parent
IGNORED = -100


# ---- safetensors, by hand -------------------------------------------------------------------------------------------

def save(name, tensors, metadata):
    types = {torch.float32: ("F32", "f"), torch.float16: ("F16", "e"), torch.int32: ("I32", "i"), torch.uint8: ("U8", "B")}
    order = ["U8", "F16", "I32", "F32"]
    header, data = {"__metadata__": {"format": "pt", **metadata}}, b""
    stored = {key: t.float() if t.dtype == torch.float64 else t for key, t in tensors.items()}
    for key, t in sorted(stored.items(), key=lambda item: (-order.index(types[item[1].dtype][0]), item[0])):
        dtype, code = types[t.dtype]
        values = t.detach().reshape(-1).tolist()
        content = struct.pack(f"<{len(values)}{code}", *values)
        header[key] = {"dtype": dtype, "shape": list(t.shape), "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    (FOLDER / name).write_bytes(struct.pack("<Q", len(text)) + text + data)
    print(f"{name}: {8 + len(text) + len(data)} bytes, {len(stored)} tensors")


# ---- inputs ---------------------------------------------------------------------------------------------------------

def normal(source, *shape, std=1.0, mean=0.0):
    """Normal numbers rounded to float32; Python's own generator gives the same ones everywhere."""
    values = [source.gauss(mean, std) for _ in range(math.prod(shape))]
    return torch.tensor(values).reshape(shape).float().double()


# ---- Q4_0: 4-bit blocks of 32 ------------------------------------------------------------------------------------------

def quantize(weight):
    """[out, in] -> blocks U8 [out, in/32*18], each an F16 scale and 16 bytes of codes, and the dequantised [out, in]. Float32 arithmetic."""
    out, size = weight.shape
    x = weight.float().reshape(out, size // 32, 32)
    first = [[max(range(32), key=lambda j: abs(block[j])) for block in row] for row in x.tolist()]
    m = x.gather(2, torch.tensor(first).unsqueeze(2))
    d = m / -8
    inverse = torch.where(d == 0, torch.zeros_like(d), 1 / d)
    q = torch.clamp(torch.trunc(x * inverse + 8.5), max=15)
    scales = d.half()
    codes = (q[..., :16] + 16 * q[..., 16:]).to(torch.uint8)
    dequantized = (q - 8) * scales.float()
    blocks = torch.cat([scales.view(torch.uint8), codes], dim=2)
    return blocks.reshape(out, size // 32 * 18), dequantized.reshape(out, size).double()


# ---- MoKA -----------------------------------------------------------------------------------------------------------

def moka(x, factors, gate, scale, tau):
    """x [tokens, in] -> [tokens, out] through the dense sum of the Kronecker products."""
    alpha = torch.softmax(gate / tau, dim=0)
    delta = sum(alpha[i] * torch.kron(a, b) for i, (a, b) in enumerate(factors))
    return scale * (x @ delta.T)


def make_moka(source, prefix, out, size, shapes):
    """A_i [ma, na] of the given shapes and the B_i that complete them to [out, in], none of them zero."""
    tensors = {}
    for i, (ma, na) in enumerate(shapes):
        tensors[f"{prefix}.moka_A.{i}"] = normal(source, ma, na, std=0.4)
        tensors[f"{prefix}.moka_B.{i}"] = normal(source, out // ma, size // na, std=0.4)
    tensors[f"{prefix}.moka_gate"] = normal(source, len(shapes), std=0.8)
    return tensors


# ---- LLaMA ----------------------------------------------------------------------------------------------------------

class Llama:
    """weights and adapters by Hugging Face's names; the forward follows modeling_llama."""

    def __init__(self, config, weights, adapters, scale, tau):
        self.config, self.weights, self.adapters, self.scale, self.tau = config, weights, adapters, scale, tau

    def linear(self, x, name):
        y = x @ self.weights[f"{name}.weight"].T + self.weights.get(f"{name}.bias", 0)
        prefix = f"base_model.model.{name}"
        gate = self.adapters.get(f"{prefix}.moka_gate")
        if gate is None:
            return y
        factors = [(self.adapters[f"{prefix}.moka_A.{i}"], self.adapters[f"{prefix}.moka_B.{i}"]) for i in range(len(gate))]
        return y + moka(x, factors, gate, self.scale, self.tau)

    def norm(self, x, name):
        return self.weights[f"{name}.weight"] * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.config["rms_norm_eps"]))

    def rotate(self, x):
        """x [heads, tokens, head_dim] at positions 0, 1, ..."""
        half = x.shape[-1] // 2
        frequencies = scaled(self.config, rope(self.config)["rope_theta"] ** -(torch.arange(half) / half))
        angles = torch.outer(torch.arange(x.shape[1], dtype=torch.float64), frequencies)
        angles = torch.cat((angles, angles), dim=-1)
        rotated = torch.cat((-x[..., half:], x[..., :half]), dim=-1)
        return x * angles.cos() + rotated * angles.sin()

    def attention(self, x, name):
        tokens, dim = x.shape[0], self.config["head_dim"]
        heads, kv_heads = self.config["num_attention_heads"], self.config["num_key_value_heads"]
        q = self.rotate(self.linear(x, f"{name}.q_proj").view(tokens, heads, dim).transpose(0, 1))
        k = self.rotate(self.linear(x, f"{name}.k_proj").view(tokens, kv_heads, dim).transpose(0, 1))
        v = self.linear(x, f"{name}.v_proj").view(tokens, kv_heads, dim).transpose(0, 1)
        k, v = (t.repeat_interleave(heads // kv_heads, dim=0) for t in (k, v))
        scores = q @ k.transpose(1, 2) / math.sqrt(dim)
        future = torch.ones(tokens, tokens).triu(1).bool()
        mixed = torch.softmax(scores.masked_fill(future, -math.inf), dim=-1) @ v
        return self.linear(mixed.transpose(0, 1).reshape(tokens, heads * dim), f"{name}.o_proj")

    def mlp(self, x, name):
        gate = self.linear(x, f"{name}.gate_proj")
        return self.linear(gate * torch.sigmoid(gate) * self.linear(x, f"{name}.up_proj"), f"{name}.down_proj")

    def logits(self, tokens):
        """One sequence of ids -> [tokens, vocab]."""
        x = self.weights["model.embed_tokens.weight"][tokens]
        for n in range(self.config["num_hidden_layers"]):
            layer = f"model.layers.{n}"
            x = x + self.attention(self.norm(x, f"{layer}.input_layernorm"), f"{layer}.self_attn")
            x = x + self.mlp(self.norm(x, f"{layer}.post_attention_layernorm"), f"{layer}.mlp")
        head = "model.embed_tokens" if self.config["tie_word_embeddings"] else "lm_head"
        return self.norm(x, "model.norm") @ self.weights[f"{head}.weight"].T

    def run(self, batch):
        """Sequences do not see each other; the loss is the mean over all targets that are not ignored."""
        starts = batch["batch.starts"].tolist()
        tokens, targets = batch["batch.tokens"].long(), batch["batch.targets"].long()
        logits = torch.cat([self.logits(tokens[a:b]) for a, b in zip(starts, starts[1:])])
        return logits, torch.nn.functional.cross_entropy(logits, targets, ignore_index=IGNORED)


def rope(config):
    """The rotary settings of either spelling."""
    return config.get("rope_parameters") or {"rope_theta": config["rope_theta"], **(config["rope_scaling"] or {})}


def scaled(config, frequencies):
    """How long contexts slow pairs down: position interpolation (arXiv 2306.15595) or LLaMA-3.1's rule by wavelengths."""
    settings = rope(config)
    kind = settings.get("rope_type", settings.get("type", "default"))
    if kind == "default":
        return frequencies
    if kind == "linear":
        return frequencies / settings["factor"]
    assert kind == "llama3", kind
    factor, low, high = settings["factor"], settings["low_freq_factor"], settings["high_freq_factor"]
    original = settings["original_max_position_embeddings"]
    result = []
    for frequency in frequencies.tolist():
        wavelength = 2 * math.pi / frequency
        if wavelength < original / high:
            result.append(frequency)
        elif wavelength > original / low:
            result.append(frequency / factor)
        else:
            smooth = (original / wavelength - low) / (high - low)
            result.append((1 - smooth) * frequency / factor + smooth * frequency)
    assert len({f / r for f, r in zip(frequencies.tolist(), result)}) > 2, "every case must occur"
    return torch.tensor(result)


def make_config(vocab, hidden, intermediate, layers, heads, kv_heads, tied):
    return {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": vocab, "hidden_size": hidden,
        "intermediate_size": intermediate, "num_hidden_layers": layers, "num_attention_heads": heads,
        "num_key_value_heads": kv_heads, "head_dim": hidden // heads, "hidden_act": "silu", "max_position_embeddings": 32,
        "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "rope_scaling": None, "attention_bias": False, "mlp_bias": False,
        "tie_word_embeddings": tied, "bos_token_id": 1, "eos_token_id": 2, "torch_dtype": "float32",
    }


def linears(config):
    """(name, out, in) of every linear in every block."""
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    q, kv = config["num_attention_heads"] * config["head_dim"], config["num_key_value_heads"] * config["head_dim"]
    for n in range(config["num_hidden_layers"]):
        layer = f"model.layers.{n}"
        yield from ((f"{layer}.self_attn.{name}_proj", out, size) for name, out, size in (
            ("q", q, hidden), ("k", kv, hidden), ("v", kv, hidden), ("o", hidden, q)))
        yield from ((f"{layer}.mlp.{name}_proj", out, size) for name, out, size in (
            ("gate", inner, hidden), ("up", inner, hidden), ("down", hidden, inner)))


def make_weights(source, config):
    vocab, hidden = config["vocab_size"], config["hidden_size"]
    weights = {"model.embed_tokens.weight": normal(source, vocab, hidden, std=0.3)}
    for name, out, size in linears(config):
        weights[f"{name}.weight"] = normal(source, out, size, std=size ** -0.5)
        if config["mlp_bias" if ".mlp." in name else "attention_bias"]:
            weights[f"{name}.bias"] = normal(source, out, std=0.5)
    norms = [f"model.layers.{n}.{which}_layernorm" for n in range(config["num_hidden_layers"]) for which in ("input", "post_attention")]
    for name in norms + ["model.norm"]:
        weights[f"{name}.weight"] = normal(source, hidden, std=0.2, mean=1.0)
    if not config["tie_word_embeddings"]:
        weights["lm_head.weight"] = normal(source, vocab, hidden, std=0.3)
    return weights


def make_batch(source, vocab):
    """Two sequences of 7 and 11 tokens. Prompts, and one place inside an answer, are ignored."""
    starts = [0, 7, 18]
    tokens = [source.randrange(vocab) for _ in range(18)]
    tokens[0] = tokens[7] = 1
    tokens[3], tokens[9], tokens[12] = 0, vocab - 1, tokens[2]
    targets = tokens[1:] + [2]
    targets[6] = 2
    for ignored in (0, 1, 7, 8, 9, 13):
        targets[ignored] = IGNORED
    return {f"batch.{key}": torch.tensor(value, dtype=torch.int32)
            for key, value in (("tokens", tokens), ("targets", targets), ("starts", starts))}


def trainable(tensors):
    return {name: t.clone().requires_grad_() for name, t in tensors.items()}


def healthy(gradients):
    for name, gradient in gradients.items():
        assert gradient.isfinite().all() and gradient.abs().max() > 1e-4, name
    return gradients


# ---- the files ------------------------------------------------------------------------------------------------------

def golden_float():
    # A gate's gradient is a difference of nearly equal sums. With this seed PyTorch's own float32 stays within 2.1e-6 of
    # these numbers everywhere; of the first twelve seeds most lose more than 5e-6, and five more than 1e-5, in some gate.
    source = random.Random(20250109)
    scale, tau = 1.5, 0.7
    config = make_config(vocab=97, hidden=48, intermediate=80, layers=2, heads=4, kv_heads=2, tied=True)
    weights = make_weights(source, config)
    # Two of the three filters share a shape, in every order; one is a product of a column and a row.
    shapes = {"q": [(6, 8), (16, 3), (6, 8)], "k": [(4, 6), (4, 6), (24, 1)], "v": [(3, 8), (12, 4), (12, 4)],
              "o": [(16, 12), (4, 6), (4, 6)], "gate": [(10, 6), (5, 16), (5, 16)], "up": [(8, 6), (8, 6), (20, 8)],
              "down": [(12, 8), (6, 20), (12, 8)]}
    adapters = {}
    for name, out, size in linears(config):
        adapters.update(make_moka(source, f"base_model.model.{name}", out, size, shapes[name.split(".")[-1][:-5]]))
    batch = make_batch(source, config["vocab_size"])

    everything = Llama(config, trainable(weights), trainable(adapters), scale, tau)
    logits, loss = everything.run(batch)
    loss.backward()
    result = {"result.logits": logits, "result.loss": loss.reshape(1)}
    result.update(healthy({f"gradient.{name}": t.grad for name, t in everything.adapters.items()}))
    result.update(healthy({f"full_gradient.{name}": t.grad for name, t in everything.weights.items()}))

    hyper = {"lr": 1e-2, "betas": (0.9, 0.95), "eps": 1e-8, "weight_decay": 0.1}
    max_norm, losses, norms = 0.5, [], []
    model = Llama(config, weights, trainable(adapters), scale, tau)
    optimizer = torch.optim.AdamW(model.adapters.values(), **hyper)
    for _ in range(5):
        optimizer.zero_grad()
        loss = model.run(batch)[1]
        loss.backward()
        norms.append(float(torch.nn.utils.clip_grad_norm_(model.adapters.values(), max_norm)))
        losses.append(float(loss))
        optimizer.step()
    assert min(norms) > max_norm, norms
    print("losses", losses, "norms", norms)
    result.update({"training.losses": torch.tensor(losses), "training.gradient_norms": torch.tensor(norms)})
    result.update({f"after5.{name}": t for name, t in model.adapters.items()})
    save("golden-float.safetensors", {**weights, **adapters, **batch, **result}, {
        "config": json.dumps(config), "moka.scale": str(scale), "moka.temperature": str(tau), "adamw.steps": "5",
        "adamw.learning_rate": str(hyper["lr"]), "adamw.beta1": str(hyper["betas"][0]), "adamw.beta2": str(hyper["betas"][1]),
        "adamw.epsilon": str(hyper["eps"]), "adamw.weight_decay": str(hyper["weight_decay"]), "clip.max_norm": str(max_norm)})


def golden_int4():
    source = random.Random(20250102)
    scale, tau = 1.0, 1.0
    config = make_config(vocab=61, hidden=64, intermediate=96, layers=3, heads=4, kv_heads=1, tied=False)
    config["quantization_config"] = {"quant_method": "moka", "type": "q4_0"}
    weights, stored, adapters = make_weights(source, config), {}, {}
    stored.update({name: t for name, t in weights.items() if "_proj" not in name})
    for name, out, size in linears(config):
        key = f"{name}.weight"
        stored[key], weights[key] = quantize(weights[key])
    shapes = {"q": [(8, 8), (4, 16), (8, 8), (4, 16)], "v": [(4, 8), (2, 4), (2, 4), (4, 8)]}
    for name, out, size in linears(config):
        kind = name.split(".")[-1][:-5]
        if kind in shapes:
            adapters.update(make_moka(source, f"base_model.model.{name}", out, size, shapes[kind]))
    # A block of zeros, and blocks whose largest magnitude occurs with both signs.
    example = normal(source, 3, 64)
    example[0, :32] = 0
    example[1, 5], example[1, 9], example[1, 40], example[1, 63] = -4, 4, 4, -4
    blocks, _ = quantize(example)
    quantizer = {"quantizer.input": example, "quantizer.weight": blocks}

    batch = make_batch(source, config["vocab_size"])
    model = Llama(config, weights, trainable(adapters), scale, tau)
    logits, loss = model.run(batch)
    loss.backward()
    result = {"result.logits": logits, "result.loss": loss.reshape(1)}
    result.update(healthy({f"gradient.{name}": t.grad for name, t in model.adapters.items()}))
    save("golden-int4.safetensors", {**stored, **adapters, **quantizer, **batch, **result},
         {"config": json.dumps(config), "moka.scale": str(scale), "moka.temperature": str(tau)})


def golden_kronecker():
    source = random.Random(20250103)
    # tokens, out, in, scale, tau, the shapes of the A_i: primes, ones, whole factors, shared and single shapes.
    cases = [(1, 1, 1, 1.0, 1.0, [(1, 1)]), (3, 6, 10, 1.0, 1.0, [(2, 5)]), (4, 35, 22, 0.5, 2.0, [(5, 11), (7, 2), (5, 11)]),
             (2, 13, 17, 2.0, 0.5, [(1, 1), (13, 17), (13, 1), (1, 17)]), (5, 1, 12, 1.0, 1.0, [(1, 3), (1, 4)]),
             (5, 12, 1, 1.0, 1.0, [(3, 1), (4, 1)]), (9, 64, 48, 1.5, 0.7, [(8, 6), (16, 12), (8, 6), (4, 16), (32, 3)])]
    tensors = {}
    for n, (tokens, out, size, scale, tau, shapes) in enumerate(cases):
        x = normal(source, tokens, size).requires_grad_()
        parts = trainable(make_moka(source, "p", out, size, shapes))
        gate = parts["p.moka_gate"]
        factors = [(parts[f"p.moka_A.{i}"], parts[f"p.moka_B.{i}"]) for i in range(len(shapes))]
        dy = normal(source, tokens, out)
        y = moka(x, factors, gate, scale, tau)
        y.backward(dy)
        case = {"x": x, "g": gate, "dy": dy, "y": y, "dx": x.grad, "dg": gate.grad,
                "scale": torch.tensor([scale]), "temperature": torch.tensor([tau])}
        for i, (a, b) in enumerate(factors):
            case.update({f"A.{i}": a, f"B.{i}": b, f"dA.{i}": a.grad, f"dB.{i}": b.grad})
        tensors.update({f"case{n}.{key}": t for key, t in case.items()})
    save("golden-kronecker.safetensors", tensors, {"cases": str(len(cases))})


def golden_family(name, seed, tokens, config):
    """A model of one generation with its config.json as that generation spells it, logits of a text, and how it goes on."""
    source = random.Random(seed)
    weights = make_weights(source, config)
    ids = [config["bos_token_id"]] + [source.randrange(config["vocab_size"]) for _ in range(tokens - 1)]
    model = Llama(config, weights, {}, 1.0, 1.0)
    logits, greedy = model.logits(torch.tensor(ids)), list(ids[:5])
    for _ in range(20):
        best = model.logits(torch.tensor(greedy))[-1].topk(2)
        assert best.values[0] - best.values[1] > 1e-3, "the next token must be clear in single precision"
        greedy.append(int(best.indices[0]))
    result = {"batch.tokens": torch.tensor(ids, dtype=torch.int32), "result.logits": logits, "result.greedy": torch.tensor(greedy, dtype=torch.int32)}
    save(f"golden-{name}.safetensors", {**weights, **result}, {"config": json.dumps(config)})


def golden_families():
    config = make_config(vocab=71, hidden=32, intermediate=56, layers=2, heads=4, kv_heads=4, tied=False)
    golden_family("llama2", 20250201, 24, config)

    config = make_config(vocab=83, hidden=48, intermediate=72, layers=2, heads=6, kv_heads=2, tied=False)
    config.update({"rope_theta": 500000.0, "eos_token_id": [80, 81], "bos_token_id": 79})
    golden_family("llama3", 20250202, 24, config)

    # As transformers 5 writes it. The text is longer than the original context, where scaling shows.
    config = make_config(vocab=83, hidden=48, intermediate=72, layers=2, heads=4, kv_heads=2, tied=True)
    del config["rope_theta"], config["rope_scaling"], config["torch_dtype"]
    config.update({"dtype": "float32", "head_dim": 16, "max_position_embeddings": 96, "rope_parameters": {
        "rope_type": "llama3", "rope_theta": 500.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 32}})
    golden_family("llama32", 20250203, 64, config)

    config = make_config(vocab=61, hidden=32, intermediate=48, layers=2, heads=4, kv_heads=2, tied=True)
    config.update({"attention_bias": True, "mlp_bias": True, "rope_scaling": {"type": "linear", "factor": 4.0}})
    golden_family("relative", 20250204, 24, config)


if __name__ == "__main__":
    golden_float()
    golden_int4()
    golden_kronecker()
    golden_families()
