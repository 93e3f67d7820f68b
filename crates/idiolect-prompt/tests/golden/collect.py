#!/usr/bin/env python3
"""Gathers the chat templates of unpacked packages, a folder for each package, for published.py.

Needs the packages unpacked side by side in PACKAGES (a wheel is a zip, a source archive a tar), each in a folder of its own name;
of them only llamafactory/data/template.py is run, with its readers of pictures and logs put aside.
Usage: python collect.py PACKAGES OUT   (writes OUT/<package>/<name>.jinja)

Every file that ends in .jinja is taken as it is; one name in two folders of a package gets a number. unsloth keeps its templates as strings in chat_templates.py, llama-cpp-python in
llama_chat_format.py: those are read out of the source. LLaMA-Factory writes a Jinja template from its slots.
"""
import ast, glob, os, sys, types


def write(out, family, name, source):
    folder = os.path.join(out, family)
    os.makedirs(folder, exist_ok=True)
    path, count = os.path.join(folder, name + ".jinja"), 1
    while os.path.exists(path):
        count += 1
        path = os.path.join(folder, f"{name}-{count}.jinja")
    with open(path, "w", encoding="utf-8", newline="") as f:
        f.write(source)


def files(packages, out):
    for path in sorted(glob.glob(os.path.join(packages, "**", "*.jinja*"), recursive=True)):
        family = os.path.relpath(path, packages).split(os.sep)[0]
        if "/studio/" in path:  # of unsloth, under another licence than the rest
            continue
        with open(path, encoding="utf-8", newline="") as f:
            write(out, family, os.path.basename(path).rsplit(".jinja", 1)[0], f.read())


def strings(path):
    """The strings that a source file names at its top, sums of them included, as far as they hold markup of Jinja."""
    values = {}
    with open(path, encoding="utf-8") as f:
        tree = ast.parse(f.read())
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            try:
                value = eval(compile(ast.Expression(node.value), path, "eval"), {"__builtins__": {}}, values)
            except Exception:
                continue
            values[node.targets[0].id] = value
    return {name: text for name, text in values.items() if isinstance(text, str) and "{%" in text and "message" in text}


def constants(packages, out):
    for family, file in (("unsloth", "unsloth/chat_templates.py"), ("llama_cpp_python", "llama_cpp/llama_chat_format.py")):
        for path in glob.glob(os.path.join(packages, family + "*", file)):
            for name, text in strings(path).items():
                write(out, family, name.lower(), text)


class Anything(types.ModuleType):
    def __getattr__(self, name):
        return lambda *args, **more: None


def llama_factory(packages, out):
    root = os.path.join(packages, "llamafactory", "llamafactory")
    if not os.path.isdir(root):
        return
    for name in ("llamafactory", "llamafactory.data", "llamafactory.extras"):
        module = types.ModuleType(name)
        module.__path__ = [os.path.join(root, *name.split(".")[1:])]
        sys.modules[name] = module
    for name in ("llamafactory.extras.logging", "llamafactory.data.mm_plugin", "llamafactory.data.data_utils"):
        sys.modules[name] = Anything(name)
    sys.modules["llamafactory.extras"].logging = Anything("logging")
    import enum
    sys.modules["llamafactory.data.data_utils"].SLOTS = list
    sys.modules["llamafactory.data.data_utils"].Role = enum.Enum("Role", {part.upper(): part for part in
                                                                          ("user", "assistant", "system", "function", "observation")}, type=str)
    from llamafactory.data.template import TEMPLATES
    tokenizer = types.SimpleNamespace(bos_token="<s>", eos_token="</s>", bos_token_id=1, eos_token_id=2)
    for name, template in TEMPLATES.items():
        try:
            write(out, "llamafactory", name, template._get_jinja_template(tokenizer))
        except ValueError as error:
            print(f"llamafactory {name}: {error}", file=sys.stderr)


if __name__ == "__main__":
    files(*sys.argv[1:])
    constants(*sys.argv[1:])
    llama_factory(*sys.argv[1:])
