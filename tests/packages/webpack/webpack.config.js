import { fileURLToPath } from "node:url";

export default {
  mode: "production",
  entry: "./src/app.js",
  output: { path: fileURLToPath(new URL("./public", import.meta.url)) },
};
