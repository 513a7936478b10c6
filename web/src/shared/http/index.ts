import { mountPath } from "./base";
import { ApiClient } from "./client";

/** The client of this page. */
export const api = new ApiClient(mountPath());

export { ApiClient, type CallOptions, type Query, type Tagged } from "./client";
export { cameAnew, isNewerBuild, loadAnew } from "./build";
export { addressOf, mountPath, socketAddress } from "./base";
export { ApiError, readProblem, type ErrorKind } from "./problem";
export { randomId } from "./ids";
