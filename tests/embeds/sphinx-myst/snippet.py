# The folder dist/ of the npm package lies in _static/clip-ttl.
html_static_path = ["_static"]
html_js_files = [("clip-ttl/element.js", {"type": "module"})]
