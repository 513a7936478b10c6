import type { Citation } from "@/contracts/api";

const DOCUMENT = /^\/knowledge\/documents\/[\w-]{1,100}\?version=\d{1,9}&start=\d{1,15}&end=\d{1,15}$/;

/** Where a cited passage stands inside the product; null for a source that is none of its documents. Answers are untrusted: nothing else becomes a link. */
export function placeOf(citation: Citation | undefined): string | null {
  return citation !== undefined && DOCUMENT.test(citation.source) ? citation.source : null;
}
