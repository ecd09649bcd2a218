"""Writes a model as GGUF v3, the matrices as Q8_0."""
import os
import struct

import numpy as np

NAME = "Sluice guide"
U32, F32, BOOL, STRING, ARRAY, I32 = 4, 6, 7, 8, 9, 5
ALIGN = 32

# ChatML; tools are told and called as Qwen3's template has it.
TEMPLATE = """{%- if tools %}{{- '<|im_start|>system\\n' }}{%- if messages[0].role == 'system' %}{{- messages[0].content + '\\n\\n' }}{%- endif %}{{- "# Tools\\n\\nYou may call one or more functions to assist with the user query.\\n\\nYou are provided with function signatures within <tools></tools> XML tags:\\n<tools>" }}{%- for tool in tools %}{{- "\\n" }}{{- tool | tojson }}{%- endfor %}{{- "\\n</tools>\\n\\nFor each function call, return a json object with function name and arguments within <tool_call></tool_call> XML tags:\\n<tool_call>\\n{\\"name\\": <function-name>, \\"arguments\\": <args-json-object>}\\n</tool_call><|im_end|>\\n" }}{%- endif %}{%- for message in messages %}{%- if message.role == 'tool' %}{{- '<|im_start|>user\\n<tool_response>\\n' + message.content + '\\n</tool_response><|im_end|>\\n' }}{%- elif not (tools and loop.first and message.role == 'system') %}{{- '<|im_start|>' + message.role + '\\n' + message.content }}{%- if message.tool_calls %}{%- for call in message.tool_calls %}{{- '<tool_call>\\n{"name": "' + call.function.name + '", "arguments": ' + (call.function.arguments | tojson) + '}\\n</tool_call>' }}{%- endfor %}{%- endif %}{{- '<|im_end|>\\n' }}{%- endif %}{%- endfor %}{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"""


def text(s):
    b = s.encode()
    return struct.pack("<Q", len(b)) + b


def value(kind, v):
    if kind == STRING:
        return text(v)
    if kind == ARRAY:
        inner, items = v
        return struct.pack("<IQ", inner, len(items)) + b"".join(value(inner, i) for i in items)
    return struct.pack({U32: "<I", F32: "<f", BOOL: "<?", I32: "<i"}[kind], v)


def q8_0(m):
    """Blocks of 32 values: a half-precision scale, then 32 signed bytes."""
    blocks = m.reshape(-1, 32).astype(np.float32)
    scale = np.abs(blocks).max(1, keepdims=True) / 127
    inverse = np.divide(1, scale, out=np.zeros_like(scale), where=scale > 0)
    q = np.clip(np.round(blocks * inverse), -127, 127).astype(np.int8)
    return np.concatenate([scale.astype(np.float16).view(np.uint8), q.view(np.uint8)], 1).tobytes()


def tensors(model):
    own = {"attn_norm": "attn_norm", "ffn_norm": "ffn_norm", "attn_q_norm": "q_norm", "attn_k_norm": "k_norm", "attn_q": "q", "attn_k": "k", "attn_v": "v", "attn_output": "o", "ffn_gate": "gate", "ffn_up": "up", "ffn_down": "down"}
    yield "token_embd.weight", model.embedding.weight
    yield "output_norm.weight", model.norm.weight
    for i, block in enumerate(model.blocks):
        for name, attribute in own.items():
            yield f"blk.{i}.{name}.weight", getattr(block, attribute).weight


def write(path, model, tokenizer):
    s = model.shape
    special = len(tokenizer.tokens) - 3
    meta = [
        ("general.architecture", STRING, "qwen3"),
        ("general.name", STRING, NAME),
        ("general.license", STRING, "apache-2.0"),
        ("general.file_type", U32, 7),
        ("general.quantization_version", U32, 2),
        ("qwen3.context_length", U32, s.context),
        ("qwen3.embedding_length", U32, s.width),
        ("qwen3.block_count", U32, s.layers),
        ("qwen3.feed_forward_length", U32, s.hidden),
        ("qwen3.attention.head_count", U32, s.heads),
        ("qwen3.attention.head_count_kv", U32, s.kv_heads),
        ("qwen3.attention.key_length", U32, s.head),
        ("qwen3.attention.value_length", U32, s.head),
        ("qwen3.attention.layer_norm_rms_epsilon", F32, s.epsilon),
        ("qwen3.rope.freq_base", F32, s.rope),
        ("tokenizer.ggml.model", STRING, "gpt2"),
        ("tokenizer.ggml.pre", STRING, "qwen2"),
        ("tokenizer.ggml.tokens", ARRAY, (STRING, tokenizer.tokens)),
        ("tokenizer.ggml.token_type", ARRAY, (I32, [1] * special + [3] * 3)),
        ("tokenizer.ggml.merges", ARRAY, (STRING, tokenizer.merges)),
        ("tokenizer.ggml.bos_token_id", U32, tokenizer.end),
        ("tokenizer.ggml.eos_token_id", U32, tokenizer.stop),
        ("tokenizer.ggml.padding_token_id", U32, tokenizer.end),
        ("tokenizer.ggml.add_bos_token", BOOL, False),
        ("tokenizer.chat_template", STRING, TEMPLATE),
    ]
    infos, blob = b"", bytearray()
    count = 0
    for name, t in tensors(model):
        a = t.detach().numpy()
        kind, data = (8, q8_0(a)) if a.ndim == 2 else (0, a.astype(np.float32).tobytes())
        infos += text(name) + struct.pack("<I", a.ndim) + b"".join(struct.pack("<Q", d) for d in reversed(a.shape))
        infos += struct.pack("<IQ", kind, len(blob))
        blob += data + b"\0" * (-len(data) % ALIGN)
        count += 1
    head = b"GGUF" + struct.pack("<IQQ", 3, count, len(meta))
    for key, kind, v in meta:
        head += text(key) + struct.pack("<I", kind) + value(kind, v)
    head += infos
    head += b"\0" * (-len(head) % ALIGN)
    with open(path + ".new", "wb") as f:
        f.write(head + blob)
    os.replace(path + ".new", path)
