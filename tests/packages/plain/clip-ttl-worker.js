import "PACKAGE/dist/worker.js";
