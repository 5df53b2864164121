import { setWorkerUrl } from "clip-ttl";

setWorkerUrl("./clip-ttl-worker.js");
