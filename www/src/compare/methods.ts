/** What methods there are, at hand before the engine is: what `clip.methods()` says, which a test holds it against. */

import type { MethodDescription } from "clip-ttl";
import descriptions from "../../docs/methods.json";

/** In the order of the groups, which is that in which they run: the quick ones first. */
export const KINDS: readonly MethodDescription["kind"][] = ["features", "forward", "gradient"];

const all = descriptions as unknown as readonly MethodDescription[];

export const METHODS: readonly MethodDescription[] = KINDS.flatMap((kind) => all.filter((method) => method.kind === kind));
