"""A tokenizer.json in ours and in the reference, on the same lines."""
import os
import random
import tempfile

from tokenizers import Tokenizer

from texts import Comparison, ask


def compare(comparison, program, name, source, texts):
    """`source` is the JSON text; ids, text and streamed text must be equal."""
    reference = Tokenizer.from_str(source)
    reference.no_truncation()
    reference.no_padding()
    rng = random.Random(comparison.seed)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "tokenizer.json")
        with open(path, "w") as out:
            out.write(source)
        requests, answers = [], []
        for text in texts:
            for special in (False, True):
                ids = reference.encode(text, add_special_tokens=special).ids
                requests.append({"encode": text, "special": special})
                answers.append({"ids": ids})
                requests.append({"decode": ids, "skip": special})
                answers.append({"text": reference.decode(
                    ids, skip_special_tokens=special)})
        for _ in range(len(texts) // 5):  # ids that no text would give
            ids = [rng.randrange(reference.get_vocab_size())
                   for _ in range(rng.randint(1, 30))]
            for skip in (False, True):
                requests.append({"decode": ids, "skip": skip})
                answers.append({"text": reference.decode(
                    ids, skip_special_tokens=skip)})
        for text in texts[::3]:
            ids = reference.encode(text, add_special_tokens=False).ids
            requests.append({"stream": ids})
            answers.append({"text": reference.decode(ids)})
        replies = ask(program, "json", [path], requests)
    for request, reply, answer in zip(requests, replies, answers):
        reply.pop("parts", None)
        comparison.equal(name, request, reply, answer)
