  head: [["script", { type: "module", src: "https://cdn.jsdelivr.net/npm/clip-ttl@0.1.0/dist/element.js" }]],
  vue: { template: { compilerOptions: { isCustomElement: (tag) => tag === "clip-ttl" } } },
