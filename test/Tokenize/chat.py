# REQUIRES: python
# RUN: %python %s %test_bin/test-tokenize %S/Inputs
# Chat templates against jinja2, set up as the HuggingFace libraries do.
import datetime
import glob
import json
import os
import random
import subprocess
import sys
import tempfile

import jinja2
import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment

program, helpers = sys.argv[1:]
sys.path.insert(0, helpers)
from texts import Comparison, ask, lines


class Generation(jinja2.ext.Extension):
    tags = {"generation"}

    def parse(self, parser):
        number = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.Scope(body, lineno=number)


def refuse(message):
    raise jinja2.TemplateError(message)


def tojson(value, ensure_ascii=False, indent=None):
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent)


environment = ImmutableSandboxedEnvironment(
    trim_blocks=True, lstrip_blocks=True,
    extensions=[Generation, jinja2.ext.loopcontrols])
environment.filters["tojson"] = tojson
environment.globals["raise_exception"] = refuse
environment.globals["strftime_now"] = (
    lambda format: datetime.datetime.now().strftime(format))

comparison = Comparison(424)
rng = random.Random(comparison.seed)
texts = lines(comparison.seed, 300)


def conversation():
    messages = []
    if rng.random() < 0.4:
        messages.append("system")
    for i in range(rng.randint(1, 6)):
        messages.append("user" if i % 2 == 0 else "assistant")
    if rng.random() < 0.15:
        messages.append(rng.choice(["system", "tool", "ipython", "assistant"]))
    out = []
    for role in messages:
        content = rng.choice(texts) + rng.choice(["", "\n", "  x \n\n"])
        if role == "assistant" and rng.random() < 0.4:
            content = f"<think>\n{rng.choice(texts)}\n</think>\n\n{content}"
        if role == "user" and rng.random() < 0.2:
            content = f"<tool>{content}</tool>"
        out.append({"role": role, "content": content})
    return {"messages": out, "generate": rng.random() < 0.5,
            "bos": rng.choice(["<s>", ""]), "eos": "</s>"}


def reference(source, request):
    try:
        return {"text": environment.from_string(source).render(
            messages=request["messages"], tools=None, documents=None,
            add_generation_prompt=request["generate"],
            bos_token=request["bos"], eos_token=request["eos"])}
    except Exception as error:  # whatever it is, ours must fail, too
        return {"error": str(error)}


def compare(name, source, requests):
    with tempfile.NamedTemporaryFile("w", suffix=".jinja") as file:
        file.write(source)
        file.flush()
        replies = ask(program, "template", [file.name], requests)
    for request, reply in zip(requests, replies):
        want = reference(source, request)
        if "error" in want and "error" in reply:
            where = reply["error"].startswith("chat template, line ")
            comparison.equal(name, "place of the error", where, True)
            if "conversation" in reply["error"]:
                comparison.equal(name, request,
                                 want["error"] in reply["error"], True)
            continue
        comparison.equal(name, request, reply, want)


for path in sorted(glob.glob(os.path.join(helpers, "templates", "*.jinja"))):
    with open(path) as file:
        compare(os.path.basename(path), file.read(),
                [conversation() for _ in range(200)])

# One expression a line; each is printed between markers.
EXPRESSIONS = r"""
1 + 2 * 3 - 4 // 3 % 2
-7 // 2, -7 % 3, 7 % -3, 7 / 2, 2.5 * 2, -7.5 // 2, -7.5 % 2
1e3 ~ 1.5 ~ 1e-7 ~ 1e22 ~ 0.1 ~ 100.0
"a" ~ 1 + 2 ~ none ~ true
"a" "b" * 3
'tab\tquote\' \u00e9 \x41 \\ end'
[1, "two", 'it\'s', 3.0, none, true, {"k": [1]}, "a\nb"]
{"a": 1, "b": {"c": "d"}}.b.c
{"a": 1}["a"] if {"a": 1}.a == 1 else 0
("yes" if 0) ~ ("no" if 1)
1 < 2 < 3, 1 < 3 < 2, 1 == 1.0, true == 1, "a" < "b", "é" > "z"
"b" in "abc", 2 in [1, 2], "k" in {"k": 1}, 3 not in [1], not 1 in [1]
not true or true and false
nothing is defined, nothing is undefined, none is none, "x" is string
{} is mapping, [] is iterable, [] is sequence, 3 is odd, 3 is even
3 is divisibleby 3, 3 is divisibleby(2), 1 is number, 1.0 is float
1 is integer, true is integer, true is boolean, false is false, 1 is true
1 is eq 1, 1 is in [1, 2], 5 is gt 3, 2 is not lt 3, range is callable
nothing|default("d"), ""|default("e"), ""|default("f", true), nothing|length
" pad " | trim ~ "|" ~ "xxaxx"|trim("x")
"Straße ÉCOLE"|upper ~ "Straße ÉCOLE"|lower ~ "hELLO wORLD"|capitalize
"hello wORLD-wide (web)"|title ~ "hello wORLD-wide (web)".title()
[1, 2, 3]|join("-") ~ [{"a": 1}, {"a": 2}]|join(", ", attribute="a")
"a-b-c"|replace("-", "+") ~ "a-b-c"|replace("-", "+", 1)
"a-b-c".replace("-", "") ~ "aXbXc".replace("X", "yy", 1)
[3, 1]|first, [3, 1]|last, "xyz"|first, "xyz"|last, []|first is defined
"abc"|list, {"a": 1, "b": 2}|list, {"a": 1}|items|list|length, "abc"|reverse
[1, 2]|reverse|list, "12"|int + 1, "x"|int, "7"|int(3), 3.9|int, "x"|int(5)
1|string + "1", -3|abs, 2|float, 3|safe
{"a": [1, "é\"\n\u0001", none, true, 1.5, {}], "b": []}|tojson
{"a": [1, {"x": "y"}], "b": [], "c": {}}|tojson(indent=2)
"a,b,c".split(","), "a,b,c".split(",", 1), " a  b c ".split(), " a  b c ".split(none, 1)
"a b"[0], "a b"[-1], "héllo"[1:3], "héllo"[::-1], "abc"[5] is defined
[1,2,3,4][1:], [1,2,3,4][:-1], [1,2,3,4][::2], [1,2,3,4][::-1], [1,2,3,4][-3:-1]
[1,2,3,4][10:], [1,2,3,4][3:0:-1], [1,2,3,4][-100:100], [1,2,3,4][:-100:-1]
"abc".startswith("ab"), "abc".endswith(("x", "bc")), "abc".find("c"), "aXbX".count("X")
"  x ".strip() ~ "|" ~ "  x ".lstrip() ~ "|" ~ "  x ".rstrip() ~ "|" ~ "..x.".strip(".")
"abc".upper().lower().capitalize(), "12".isdigit(), "1a".isdigit()
"prefix-x".removeprefix("prefix-"), "x.py".removesuffix(".py")
{"a": 1}.get("a"), {"a": 1}.get("b"), {"a": 1}.get("b", 2)
{"a": 1}.items()|map("first")|list, {"a": 1}.keys()|list, {"a": 1}.values()|list
range(3)|list, range(1, 7, 2)|list, range(3, 0, -1)|list
dict(a=1, b=2), namespace(a=1).a, namespace({"x": 2}).x
[1, 2, 3]|map("string")|join("+"), ["a", "b"]|map("upper")|list
[{"r": 1}, {"r": 2}]|map(attribute="r")|list, [{"q": 1}, {}]|map(attribute="q", default=0)|list
[{"r": 1}, {"r": 2}]|selectattr("r", "equalto", 2)|list, [{"r": 1}, {"r": 0}]|rejectattr("r")|list
[1, 2, 3, 4]|select("odd")|list, [1, 2, 3, 4]|reject("gt", 2)|list, [0, 1, ""]|select|list
[1, 2] + [3], [[1, 2], [3]][0][1], (1, 2)[1], (1,)|length, ()|length
messages[0].role, messages[0]["content"], messages|length, messages[-1].nothing is defined
messages[0].content.split(" ")|join("_"), messages[0].missing, messages[9] is defined
nothing.attribute
nothing + 1
"a" + 1
1 // 0
nothing()
"a"|nofilter
1 is notest
[1, 2]|join(bad=1)
raise_exception("stop " ~ 1)
{} < {}
2 in 3
range(1000000)|list
""".strip().split("\n")
plain = {"messages": [{"role": "user", "content": "hello there you"}],
         "generate": False, "bos": "<s>", "eos": "</s>"}
for expression in EXPRESSIONS:
    # A tuple prints with brackets of its own in Python: print its items.
    parts = f"{{% set v = [{expression}] %}}{{% for i in v %}}<{{{{ i }}}}>{{% endfor %}}"
    compare(expression, parts, [plain])

WHITESPACE = [
    "a\n  {% if true %}\n  b\n  {% endif %}\nc\n",
    "a {%- if true -%} \n b \n {%- endif -%} c",
    "a {{- ' x ' -}} b\n{{ 1 }}\n", "  {% set x = 1 %}  \n{{ x }}\n\n",
    "  {%+ if true %}\nx{% endif +%}\ny", "a {# c #} b\n  {# d #}\n e {#- f -#} g",
    "{% if true %}\r\nx\r\n{% endif %}\r\n", "x\n \t{% if true %}y{% endif %}\n",
    "{{ '{{' }}{{ '%}' }}", "{{ {'a': {'b': 1}} }}", "\n{% if 1 %}\n\nx{% endif %}",
    "{% for i in [1, 2] %} {{ i }} {% endfor %}|{% for i in [] %}x{% else %}none{% endfor %}",
    "{% for k, v in {'a': 1, 'b': 2}.items() %}{{ k }}={{ v }}{{ ', ' if not loop.last }}{% endfor %}",
    "{% for i in range(9) if i % 2 %}{{ loop.index }}:{{ i }}:{{ loop.revindex }}:{{ loop.length }};{% endfor %}",
    "{% for i in 'abc' %}{{ loop.previtem }}{{ i }}{{ loop.nextitem }}{{ loop.cycle('x', 'y') }} {% endfor %}",
    "{% set x = 1 %}{% for i in [1] %}{% set x = 2 %}{{ x }}{% endfor %}{{ x }}",
    "{% set n = namespace(x=1) %}{% for i in [1, 2] %}{% set n.x = n.x + i %}{% endfor %}{{ n.x }}",
    "{% if true %}{% set x = 2 %}{% endif %}{{ x }}", "{% set a, b = 1, 2 %}{{ a + b }}",
    "{% set t %}  in {{ 1 }} {% endset %}[{{ t }}]",
    "{% for i in range(9) %}{% if i == 2 %}{% continue %}{% endif %}{% if i == 5 %}{% break %}{% endif %}{{ i }}{% endfor %}",
    "{% for i in [1, 2] %}{% for j in [3] %}{{ loop.index }}{% endfor %}{{ loop.index }}{% endfor %}",
    "{% if 0 %}a{% elif 1 %}b{% elif 2 %}c{% else %}d{% endif %}",
    "{% for a, b in [[1, 2], [3]] %}{{ a }}{% endfor %}", "{% set q.x = 1 %}",
]
for source in WHITESPACE:
    compare(source, source, [plain])

# What does not parse is refused when the template is read.
BROKEN = {"{% if x %}": "endif", "{{ 1 + }}": "expression", "{{ 'a }}": "end",
          "{% macro f() %}{% endmacro %}": "macro", "{{ x": "end",
          "{% endfor %}": "endfor", "{{ a b }}": "}}", "{# x": "comment",
          "{% include 'x' %}": "include", "{{ (1 }}": "'}'", "{{ 1 ? 2 }}": "?",
          "{{ 2 ** 3 }}": "**", "{{ 'abc'[1, 2] }}": "']'", "{% for x y %}{% endfor %}": "in",
          "{{ 99999999999999999999 }}": "large", "{% break %}": "loop",
          "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}": "deep", "{{ " + "-" * 5000 + "1 }}": "deep",
          "{{ 1" + "+1" * 5000 + " }}": "deep",
          "{% if 1 %}" * 5000: "deep"}
for source, word in BROKEN.items():
    with tempfile.NamedTemporaryFile("w", suffix=".jinja") as file:
        file.write(source)
        file.flush()
        run = subprocess.run([program, "template", file.name], input="",
                             capture_output=True, text=True)
    text = run.stderr.strip()
    good = (run.returncode == 1 and text.startswith("error: chat template, line")
            and word in text and "\n" not in text)
    comparison.equal(source[:40], text[:200], good, True)

# Values that would nest without end are refused, too.
for source in (
        "{% set n = namespace(x=[]) %}{% for i in range(99999) %}"
        "{% set n.x = [n.x] %}{% endfor %}",
        "{% set n = namespace() %}{% set n.x = n %}"):
    with tempfile.NamedTemporaryFile("w", suffix=".jinja") as file:
        file.write(source)
        file.flush()
        reply = ask(program, "template", [file.name], [plain])[0]
    comparison.equal(source, reply, "namespace" in reply.get("error", ""), True)
comparison.finish()
