project = "One picture is enough"
author = "An author"
extensions = ["myst_parser"]
# The folder dist/ of the npm package lies in _static/clip-ttl.
html_static_path = ["_static"]
html_js_files = [("clip-ttl/element.js", {"type": "module"})]
