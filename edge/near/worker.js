// The module that the Workers runtime loads in front of a replica. `cargo xtask near` writes ./build.

import * as ripple from "./build/ripple_near.js";
import { worker } from "../module.js";

export default worker(ripple);
