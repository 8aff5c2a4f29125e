"""Tokenisers of every kind, trained on the spot, as tokenizer.json texts."""
import collections
import io
import json

import sentencepiece
from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models,
                        normalizers as N, pre_tokenizers as P, processors,
                        trainers)

BYTES = [f"<0x{b:02X}>" for b in range(256)]
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"
          r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace("{1,3}", "")
BLOOM = r" ?[^(\s|[.,!?…。，、।۔،])]+"
MODERN = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}"
          r"\p{Lo}\p{M}]+(?i:'s|'t)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s+")
CLIP = (r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|"
        r"[\p{N}]|[^\s\p{L}\p{N}]+")


def bpe(texts, trainer=None, model=None, **stages):
    tokenizer = Tokenizer(models.BPE(**(model or {})))
    return train(tokenizer, trainers.BpeTrainer(
        vocab_size=900, show_progress=False,
        **{"initial_alphabet": P.ByteLevel.alphabet(), **(trainer or {})}),
        texts, **stages)


def train(tokenizer, trainer, texts, **stages):
    for name, stage in stages.items():
        setattr(tokenizer, name, stage)
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def edited(tokenizer, edit):
    data = json.loads(tokenizer.to_str())
    edit(data)
    return json.dumps(data)


def described(name, stage):
    """The JSON of one stage."""
    tokenizer = Tokenizer(models.BPE())
    if stage is not None:
        setattr(tokenizer, name, stage)
    return json.loads(tokenizer.to_str())[name]


def gpt2(texts, **options):
    return bpe(texts, pre_tokenizer=P.ByteLevel(**options),
               post_processor=processors.ByteLevel(),
               decoder=decoders.ByteLevel())


def roberta(texts):
    t = gpt2(texts, add_prefix_space=True)
    t.add_special_tokens(["<s>", "</s>", AddedToken("<mask>", lstrip=True)])
    t.post_processor = processors.RobertaProcessing(
        ("</s>", t.token_to_id("</s>")), ("<s>", t.token_to_id("<s>")))
    return t


def split(texts, pattern, normalizer=None):
    t = bpe(texts, decoder=decoders.ByteLevel(), pre_tokenizer=P.Sequence([
        P.Split(Regex(pattern), "isolated"),
        P.ByteLevel(add_prefix_space=False, use_regex=False)]))
    if normalizer:
        t.normalizer = normalizer
    return t


def llama3(texts):
    t = split(texts, LLAMA3)
    t.add_special_tokens(["<|begin|>", "<|end|>"])
    t.add_tokens([AddedToken("international", single_word=True),
                  AddedToken("café", lstrip=True, normalized=True),
                  AddedToken("quant", rstrip=True, normalized=False),
                  AddedToken("quantization", normalized=False), "the", "世界"])
    t.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(
            single="<|begin|> $A <|end|>",
            special_tokens=[(s, t.token_to_id(s))
                            for s in ("<|begin|>", "<|end|>")])])
    return edited(t, lambda d: d["model"].update(ignore_merges=True))


def qwen2(texts):
    t = split(texts, QWEN2, N.NFC())
    # Merges in files of before 2024 are strings.
    return edited(t, lambda d: d["model"].update(
        merges=[" ".join(pair) for pair in d["model"]["merges"]]))


def sentencepiece_bpe(texts, pre, normalizer, decoder, **flags):
    special = ["<unk>", "<s>", "</s>"] + BYTES
    t = bpe(texts, model={"unk_token": "<unk>", "fuse_unk": True},
            trainer={"special_tokens": special, "initial_alphabet": [],
                     "limit_alphabet": 150},
            pre_tokenizer=P.Metaspace())

    def edit(data):
        data["added_tokens"] = data["added_tokens"][:3]
        data["model"].update(flags)
        for name, stage in (("pre_tokenizer", pre), ("normalizer", normalizer),
                            ("decoder", decoder)):
            data[name] = described(name, stage)
        data["post_processor"] = {
            "type": "TemplateProcessing", "pair": [],
            "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
                       {"Sequence": {"id": "A", "type_id": 0}}],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [1],
                                       "tokens": ["<s>"]}}}
    return edited(t, edit)


def llama2(texts, **flags):
    return sentencepiece_bpe(
        texts, None,
        N.Sequence([N.Prepend("▁"), N.Replace(" ", "▁")]),
        decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(),
                           decoders.Fuse(), decoders.Strip(" ", 1, 0)]),
        **flags)


def metaspace_bpe(texts, scheme, cut):
    pre = P.Metaspace(prepend_scheme=scheme, split=cut)
    return sentencepiece_bpe(
        texts, pre, None, decoders.Metaspace(prepend_scheme=scheme))


def clip(texts):
    t = bpe(texts, model={"unk_token": "<|endoftext|>",
                          "end_of_word_suffix": "</w>"},
            trainer={"end_of_word_suffix": "</w>",
                     "special_tokens": ["<|startoftext|>", "<|endoftext|>"]},
            normalizer=N.Sequence([N.NFC(), N.Replace(Regex(r"\s+"), " "),
                                   N.Lowercase()]),
            pre_tokenizer=P.Sequence([
                P.Split(Regex(CLIP), "removed", invert=True),
                P.ByteLevel(add_prefix_space=False)]),
            decoder=decoders.ByteLevel())
    return t


def suffix_words(texts):
    return bpe(texts, model={"unk_token": "[UNK]",
                             "end_of_word_suffix": "</w>"},
               trainer={"end_of_word_suffix": "</w>", "limit_alphabet": 120,
                        "special_tokens": ["[UNK]"], "initial_alphabet": []},
               pre_tokenizer=P.WhitespaceSplit(),
               decoder=decoders.BPEDecoder())


def prefix_words(texts, fuse):
    return bpe(texts, model={"unk_token": "[UNK]", "fuse_unk": fuse,
                             "continuing_subword_prefix": "##"},
               trainer={"continuing_subword_prefix": "##",
                        "limit_alphabet": 120, "initial_alphabet": [],
                        "special_tokens": ["[UNK]"]},
               pre_tokenizer=P.Whitespace())


def wordpiece(texts, **bert):
    t = train(Tokenizer(models.WordPiece(unk_token="[UNK]",
                                         max_input_chars_per_word=20)),
              trainers.WordPieceTrainer(
                  vocab_size=2500, show_progress=False, limit_alphabet=800,
                  special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]"]),
              texts, normalizer=N.BertNormalizer(**bert),
              pre_tokenizer=P.BertPreTokenizer(),
              decoder=decoders.WordPiece(cleanup=False))
    t.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return t


def frequent(texts, count):
    """The texts with only their most frequent characters."""
    counts = collections.Counter("".join(texts)).most_common(count)
    kept = {c for c, _ in counts}
    return ["".join(c for c in t if c in kept) for t in texts]


def unigram(texts, special=(), normalizer=None, **flags):
    t = train(Tokenizer(models.Unigram()),
              trainers.UnigramTrainer(
                  vocab_size=1200, show_progress=False, unk_token="<unk>",
                  special_tokens=["<pad>", "</s>", "<unk>", *special]),
              frequent(texts, 500), pre_tokenizer=P.Metaspace(),
              decoder=decoders.Metaspace())
    if normalizer:
        t.normalizer = normalizer
    t.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 1)])

    def edit(data):
        data["added_tokens"] = data["added_tokens"][:3]
        data["model"].update(flags)
        # The package reads numbers of 17 digits to within a unit in the last
        # place, which decides between equally good segmentations.
        data["model"]["vocab"] = [[piece, round(score, 9)]
                                  for piece, score in data["model"]["vocab"]]
    return edited(t, edit)


def sentencepiece_model(texts, kind, **options):
    out = io.BytesIO()
    # Its trainer cannot hold zero bytes.
    clean = [t.replace("\0", " ").replace("\n", " ")
             for t in frequent(texts, 500)]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(clean), model_writer=out, model_type=kind,
        minloglevel=2, num_threads=1, hard_vocab_limit=False,
        **{"vocab_size": 1500, **options})
    return out.getvalue()


def fields(message):
    """The length-delimited fields of a protobuf message."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
    while at < len(message):
        tag = varint()
        if tag & 7 == 2:
            size = varint()
            yield tag >> 3, message[at:at + size]
            at += size
        elif tag & 7 == 0:
            varint()
        else:
            at += {5: 4, 1: 8}[tag & 7]


def charsmap(texts, rule):
    """The compiled table of a SentencePiece normalisation rule."""
    model = sentencepiece_model(texts, "unigram",
                                normalization_rule_name=rule)
    normalizer = dict(fields(model))[3]
    return N.Precompiled(dict(fields(normalizer))[2])


def trained(texts):
    """Pairs of a name and the text of a tokenizer.json."""
    made = {
        "gpt2": gpt2(texts, add_prefix_space=False),
        "roberta": roberta(texts),
        "llama3": llama3(texts),
        "qwen2": qwen2(texts),
        "bloom": split(texts, BLOOM),
        "modern": split(texts, MODERN),
        "llama2": llama2(texts),
        "llama2 bytes": llama2(texts, byte_fallback=True),
        "llama2 unfused": llama2(texts, fuse_unk=False),
        "clip": clip(texts),
        "suffix": suffix_words(texts),
        "prefix": prefix_words(texts, False),
        "prefix fused": prefix_words(texts, True),
        "bert cased": wordpiece(texts, lowercase=False),
        "bert raw": wordpiece(texts, clean_text=False, lowercase=True,
                              handle_chinese_chars=False, strip_accents=False),
        "unigram": unigram(texts),
        "unigram bytes": unigram(texts, BYTES, byte_fallback=True),
    }
    for scheme in ("always", "first", "never"):
        for cut in (True, False):
            made[f"metaspace {scheme} {cut}"] = metaspace_bpe(texts, scheme,
                                                              cut)
    for rule in ("nmt_nfkc", "nmt_nfkc_cf"):
        table = charsmap(texts, rule)
        made["unigram " + rule] = unigram(texts, normalizer=N.Sequence([
            table, N.Strip(left=False), N.Replace(Regex(" {2,}"), "▁")]))
    return [(name, t if isinstance(t, str) else t.to_str())
            for name, t in made.items()]


def stages(texts):
    """One byte-level vocabulary behind every normaliser and pre-tokeniser."""
    base = json.loads(gpt2(texts, add_prefix_space=False).to_str())
    tail = P.ByteLevel(add_prefix_space=False, use_regex=False)
    behaviors = ["removed", "isolated", "merged_with_previous",
                 "merged_with_next", "contiguous"]
    normal = [N.NFC(), N.NFD(), N.NFKC(), N.NFKD(), N.Lowercase(), N.Nmt(),
              N.Strip(), N.Strip(left=False), N.Strip(right=False),
              N.Sequence([N.NFD(), N.StripAccents()]), N.Prepend("x "),
              N.Replace("a", "bb"), N.Replace(Regex(r"\w\b"), "<>"),
              N.BertNormalizer(), N.Sequence([])]
    pre = [P.Whitespace(), P.WhitespaceSplit(), P.BertPreTokenizer(),
           P.Digits(True), P.Digits(False), P.Metaspace(),
           P.CharDelimiterSplit("e"), P.ByteLevel(add_prefix_space=True),
           P.Sequence([P.Punctuation(), P.WhitespaceSplit()])]
    for b in behaviors:
        pre += [P.Punctuation(b), P.Split(" ", b), P.Split(".", b, invert=True),
                P.Split(Regex(r"[\p{L}\-]+|\d\d|^\s|$"), b),
                P.Split(Regex(r"\B\w*|[[:punct:]]|[[:space:][:digit:]]{2}"), b),
                P.Split(Regex(r"\h|[^\d\s]{3}"), b, invert=True)]
    for stage in normal:
        base["normalizer"] = described("normalizer", stage)
        yield str(stage), json.dumps(base)
    base["normalizer"] = None
    for stage in pre:
        base["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [
            described("pre_tokenizer", stage),
            described("pre_tokenizer", tail)]}
        yield str(stage), json.dumps(base)
