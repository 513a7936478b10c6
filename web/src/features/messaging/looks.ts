import { t } from "@/shared/catalogue";
import { errorWords } from "./messaging.state";

/** What went wrong, in words. */
export const wordsOfError = (error: string): string => errorWords(error, t.messaging.errors, t.messaging.internalError);
