import { en } from "./en";

/** Every word that the screens show. Another language is another object of this type. */
export type Catalogue = typeof en;
export const t: Catalogue = en;
