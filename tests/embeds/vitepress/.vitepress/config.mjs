import { defineConfig } from "vitepress";

export default defineConfig({
  title: "One picture is enough",
  lang: "en",
  head: [["script", { type: "module", src: "https://cdn.jsdelivr.net/npm/clip-ttl@0.1.0/dist/element.js" }]],
  vue: { template: { compilerOptions: { isCustomElement: (tag) => tag === "clip-ttl" } } },
});
