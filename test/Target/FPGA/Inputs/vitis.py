"""What Vitis HLS would refuse, or warn of, in the C++ and the script of a design, by the rules
of its manual (UG1399): a reader of the little C++ that designs are written in."""
import pathlib
import re

# The most that AP_INT_MAX_W may be.
MAX_BITS = 4096
DEPRECATED = {"RESOURCE": "BIND_STORAGE or BIND_OP", "DATA_PACK": "AGGREGATE"}
PLACES = {"fifo": {"bram", "lutram", "srl", "uram"},
          "ram_1p": {"bram", "lutram", "uram"}, "ram_2p": {"bram", "lutram", "uram"},
          "ram_s2p": {"bram", "lutram", "uram"}, "ram_1wnr": {"bram", "lutram", "uram"},
          "ram_t2p": {"bram", "uram"},
          "rom_1p": {"bram", "lutram"}, "rom_2p": {"bram", "lutram"}}
MULTIPLIERS = {"dsp", "fabric"}
STREAM = r"hls::stream<ap_u?int<\d+>> "
# Each with a variable but PIPELINE, INLINE, DATAFLOW and INTERFACE.
PRAGMAS = {"INTERFACE", "DATAFLOW", "PIPELINE", "INLINE", "STREAM", "ARRAY_PARTITION",
           "ARRAY_RESHAPE", "BIND_STORAGE", "BIND_OP", "DEPENDENCE"}
FORBIDDEN = [(r"\b(new|delete|malloc|calloc|realloc|free)\b", "allocates"),
             (r"\bstd::", "has what is of the standard library"),
             (r"\b(while|do|goto)\b", "has a loop without a bound"),
             (r"\b(try|throw|virtual|dynamic_cast)\b", "has what hardware has not")]


class Function:
    def __init__(self, name, parameters, body, first):
        self.name, self.body, self.first = name, body, first
        self.parameters = [re.sub(r".*[&*]", "", p).strip() for p in parameters.split(",")]
        # What pointers point to, by their names.
        self.pointers = {name: int(bits) for bits, name in
                         re.findall(r"const ap_uint<(\d+)> \*(\w+)", parameters)}

    def lines(self):
        return list(enumerate(self.body.split("\n"), self.first))


class Linter:
    """Of one design. `complaints` are "LINE: text", lines counted with contents included."""

    def __init__(self, header, source, top):
        self.top, self.source, self.complaints = top, source, []
        whole = header + source
        functions = [Function(m[1], m[2], m[3], source[:m.start(3)].count("\n") + 1)
                     for m in re.finditer(r"^(?:static )?void (\w+)\((.*?)\) \{\n(.*?)^\}$",
                                          source, re.M | re.S)]
        self.functions = {function.name: function for function in functions}
        if top not in self.functions:
            self.complain(1, f"has no function {top}")
            return
        self.check_widths(whole)
        for line, text in enumerate(source.split("\n"), 1):
            for pattern, complaint in FORBIDDEN:
                if re.search(pattern, text):
                    self.complain(line, complaint)
        for function in functions:
            self.check_pragmas(function)
            self.check_calls(function)
            if function.name != top:
                self.check_loops(function)
                self.check_initial(function)
        self.check_top(self.functions[top])

    def complain(self, line, text):
        self.complaints.append(f"{line}: {text}")

    def check_widths(self, text):
        widest = max(map(int, re.findall(r"\bap_u?int<(\d+)>", text)), default=0)
        if widest > MAX_BITS:
            self.complain(1, f"has an integer of {widest} bits, expected at most {MAX_BITS}")
        macro = re.search(r"#define AP_INT_MAX_W (\d+)\n(?=.*#include <ap_int.h>)", text, re.S)
        allowed = int(macro[1]) if macro else 1024
        if widest > allowed:
            self.complain(1, f"has an integer of {widest} bits, but AP_INT_MAX_W is {allowed}")

    def check_pragmas(self, function):
        lines = function.lines()
        for at, (line, text) in enumerate(lines):
            match = re.match(r"#pragma HLS (\w+)(.*)", text)
            if not match:
                continue
            kind, options = match[1].upper(), dict(re.findall(r"(\w+)=(\w+)", match[2]))
            if kind in DEPRECATED:
                self.complain(line, f"has the old pragma {kind}, expected {DEPRECATED[kind]}")
            elif kind not in PRAGMAS:
                self.complain(line, f"has a pragma {kind} that is not known")
            if kind == "PIPELINE" and not re.match(r"\s*for \(.*\{$", lines[at - 1][1]):
                self.complain(line, "has PIPELINE elsewhere than first in a loop")
            if kind == "PIPELINE" and "II" not in options:
                self.complain(line, "has PIPELINE without II")
            name = options.get("variable")
            if name in function.parameters:
                self.complain(line, f"has {kind} of the argument {name}")
            elif name and not re.search(rf"^\s*[\w:<> ]+ {name}\b[^;]*", function.body, re.M):
                self.complain(line, f"has {kind} of {name}, which is no variable")
            if kind == "BIND_STORAGE" and options.get("impl") not in PLACES.get(
                    options.get("type"), ()):
                self.complain(line, f"has {options.get('type')} in {options.get('impl')}")
            if kind == "DEPENDENCE" and not (
                    options.get("type") == "inter" and options.get("dependent") == "true"
                    and options.get("direction") == "RAW"
                    and int(options.get("distance", 0)) > 0):
                self.complain(line, f"has a dependence {match[2].strip()}")
            if kind == "BIND_OP" and (options.get("op") != "mul"
                                      or options.get("impl") not in MULTIPLIERS):
                self.complain(line, f"has {options.get('op')} in {options.get('impl')}")

    def check_calls(self, function):
        """Only the design calls functions: nothing recurs."""
        for line, text in function.lines():
            for name in re.findall(r"\b(\w+)\(", text):
                if name in self.functions and function.name != self.top:
                    self.complain(line, f"{function.name} calls {name}")
        if function.name != self.top and "#pragma HLS INLINE off\n" not in function.body:
            self.complain(function.first, f"{function.name} may be inlined")

    def check_loops(self, function):
        for line, text in function.lines():
            if re.match(r"\s*for\b", text) and not re.match(
                    r"\s*for \(int (\w+) = 0; \1 < \d+; \+\+\1\)", text):
                self.complain(line, "has a loop without a constant number of iterations")

    def check_initial(self, function):
        """Each variable has all its values before it is used. Memories that are written have
        none at first; of what is read under a condition, the other words are not used."""
        body = function.body
        for match in re.finditer(r"^ *(static const )?ap_u?int<\d+> (\w+)((?:\[\d+\])*)( = )?"
                                 r"(.*?);", body, re.M | re.S):
            name, sizes = match[2], [int(n) for n in re.findall(r"\d+", match[3])]
            line = function.first + body[:match.start()].count("\n")
            if match[4] and sizes:
                found = count_values(match[5])
                if found != sizes:
                    self.complain(line, f"gives {name} {found} values of {sizes}")
            elif match[4] or re.search(rf"BIND_STORAGE variable={name} type=ram", body):
                continue
            else:
                self.check_assigned(name, sizes, body[match.end():], line)

    def check_assigned(self, name, sizes, after, line):
        """By what follows: `v = `, `v[2] = `, or a loop over `v[l + 2] = ` or bits of v."""
        rest = re.sub(r"^#.*\n", "", after.lstrip(" ").lstrip("\n"), flags=re.M)
        one = re.compile(rf"\s*(?:if \([^;]*?\)\s*)?{name}(?:\[(\d+)\])? = [^;]*;")
        many = re.compile(rf"\s*for \(int l = 0; l < (\d+); \+\+l\)\s*{name}"
                          r"(?:\[l(?: \+ (\d+))?\]|\.range\([^;]*?\)) = [^;]*;")
        lanes, assigned = sizes[0] if sizes else 1, set()
        while len(assigned) < lanes:
            if match := one.match(rest):
                new = {int(match[1] or 0)}
            elif match := many.match(rest):
                new = {int(match[2] or 0) + lane for lane in range(int(match[1]))}
            if not match or re.search(rf"= .*\b{name}\b", match[0]):
                self.complain(line, f"uses {name} before all of it is assigned")
                return
            assigned |= new
            rest = rest[match.end():]

    def check_top(self, function):
        """The canonical form of a dataflow region."""
        body, made, taken = function.body, {}, {}
        if "#pragma HLS DATAFLOW\n" not in body:
            self.complain(function.first, f"{self.top} has no DATAFLOW")
        for name in function.parameters + ["return"]:
            if not re.search(rf"#pragma HLS INTERFACE \w+ port={name}\b", body):
                self.complain(function.first, f"{self.top} has no INTERFACE of {name}")
        self.check_memories(function)
        for line, text in function.lines():
            stream = re.fullmatch(rf"  {STREAM}(\w+)\(\"\1\"\);", text)
            call = re.fullmatch(r"  (\w+)\((.*)\);", text)
            if stream:
                if not re.search(rf"#pragma HLS STREAM variable={stream[1]} depth=[1-9]\d*\n", body):
                    self.complain(line, f"gives the stream {stream[1]} no depth")
            elif call and call[1] in self.functions:
                self.connect(self.functions[call[1]], call[2].split(", "), line, made, taken)
            elif text and not text.startswith("#pragma HLS "):
                self.complain(line, "has what is neither stream nor call in the dataflow")
        for name in set(re.findall(rf"^  {STREAM}(\w+)\(", body, re.M)):
            for users, what in ((made, "written"), (taken, "read")):
                if name not in users:
                    self.complain(function.first, f"never has {name} {what}")

    def check_memories(self, function):
        """Each pointer is a port with a bundle of its own, whose address a register has: processes
        of a dataflow that share a bundle may wait for each other."""
        bundles = set()
        for name, bits in function.pointers.items():
            for kind in ("m_axi", "s_axilite"):
                if not re.search(rf"#pragma HLS INTERFACE {kind} port={name}\b", function.body):
                    self.complain(function.first, f"{self.top} has no {kind} of {name}")
            found = re.search(rf"#pragma HLS INTERFACE m_axi port={name} (.*)\n", function.body)
            options = dict(re.findall(r"(\w+)=(\w+)", found[1] if found else ""))
            if not found:
                continue
            if options.get("offset") != "slave" or int(options.get("depth", 0)) < 1:
                self.complain(function.first, f"{self.top} has no offset and depth of {name}")
            burst = int(options.get("max_read_burst_length", 16))
            if burst > 256 or burst * bits > 4096 * 8:
                self.complain(function.first, f"has bursts of {burst} words of {name}")
            if options.get("bundle", "gmem") in bundles:
                self.complain(function.first, f"has {name} in the bundle of another")
            bundles.add(options.get("bundle", "gmem"))
        if function.pointers and "INTERFACE s_axilite port=return\n" not in function.body:
            self.complain(function.first, f"{self.top} has registers, but none that starts it")

    def connect_memory(self, function, name, parameter, line, taken):
        """Read by one process, word by word, so that bursts are found."""
        if not re.search(rf"= {parameter}\[i0\];", function.body) or re.search(
                rf"\b{parameter}\[(?!i0\];)", function.body):
            self.complain(line, f"{function.name} does not read {name} in order")
        if name in taken:
            self.complain(line, f"reads {name} twice")
        taken[name] = line

    def connect(self, function, arguments, line, made, taken):
        for name, parameter in zip(arguments, function.parameters):
            if parameter in function.pointers:
                self.connect_memory(function, name, parameter, line, taken)
                continue
            reads = f"{parameter}.read(" in function.body
            if reads == (f"{parameter}.write(" in function.body):
                self.complain(line, f"{function.name} does not either read or write {name}")
            users = taken if reads else made
            if name in users:
                self.complain(line, f"{'reads' if reads else 'writes'} {name} twice")
            users[name] = line
            if name in self.functions[self.top].parameters:
                continue
            if reads and name not in made:
                self.complain(line, f"reads {name} before it is written")


def count_values(text):
    """The sizes of an initialiser, [rows, ...], or None where rows differ."""
    rows = re.findall(r"\{([^{}]*)\}", text)
    sizes = {len([n for n in row.split(",") if n.strip()]) for row in rows}
    size = sizes.pop() if len(sizes) == 1 else None
    return [size] if text.count("{") == 1 else [len(rows), size]


def lint(folder, top):
    """Complaints about the C++ of a design."""
    folder = pathlib.Path(folder)
    source = re.sub(r'^#include "(\S+\.inc)"\n', lambda m: (folder / m[1]).read_text(),
                    (folder / f"{top}.cpp").read_text(), flags=re.M)
    return Linter((folder / f"{top}.h").read_text(), source, top).complaints


COMMANDS = {"open_project": r"(-reset )?\w+", "set_top": r"\w+", "add_files": r"(-tb )?[\w.]+",
            "open_solution": r"(-reset )?\w+", "set_part": r"xc[\w-]+",
            "create_clock": r"-period \d+\.\d+", "csim_design": "", "csynth_design": "",
            "exit": ""}
NEEDED = ["open_project", "set_top", "add_files", "open_solution", "set_part", "create_clock",
          "csynth_design"]


def lint_script(text, top):
    """Complaints about a script for Vitis HLS."""
    complaints, seen = [], []
    for line, command in enumerate(text.split("\n"), 1):
        if not command or command.startswith(("#", "foreach file [glob -nocomplain ")):
            continue
        name, _, options = command.partition(" ")
        if name not in COMMANDS or not re.fullmatch(COMMANDS[name], options):
            complaints.append(f"{line}: has {command}")
        if name == "set_top" and options != top:
            complaints.append(f"{line}: has {options} as top, expected {top}")
        seen.append(name)
    order = [name for name in seen if name in NEEDED]
    for name in NEEDED:
        if name not in seen:
            complaints.append(f"has no {name}")
    if not complaints and sorted(set(order), key=order.index) != NEEDED:
        complaints.append(f"has commands in the order {order}")
    return complaints
