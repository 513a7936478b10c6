import zlib from "node:zlib";

/** Ends a test run under a Node in which jsdom cannot be loaded: its workers would fail one by one, by an error that does not say so. */
export default function (): void {
  if (!("createZstdDecompress" in zlib)) {
    throw new Error(
      `Node ${process.version} cannot load jsdom: package.json says which can, and make setup puts one into .tools/node/path.`,
    );
  }
}
