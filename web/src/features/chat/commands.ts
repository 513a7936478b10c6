import { t } from "@/shared/catalogue";

export interface SlashCommand {
  name: string;
  text: string;
}

/** The commands that begin with what was typed, as long as only the command's name is being typed. */
export function commandsFor(typed: string, all: readonly SlashCommand[] = t.chat.commands): readonly SlashCommand[] {
  if (!/^\/\S*$/.test(typed)) return [];
  return all.filter(({ name }) => name.startsWith(typed.toLowerCase()));
}
