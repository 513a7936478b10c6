/** Who uses this page: the session and what its role allows. The server decides; this only spares people buttons that would be refused. */
import { defineStore } from "pinia";
import { computed, shallowRef } from "vue";
import type { Me, Role } from "@/contracts/api";
import { api, ApiError } from "@/shared/http";
import { realtime } from "@/shared/realtime";

export type Ability = "chat" | "operate" | "administer";

const ABILITIES: Record<Role, readonly Ability[]> = {
  admin: ["chat", "operate", "administer"],
  operator: ["chat", "operate"],
  user: ["chat"],
  viewer: [],
};

export const useSession = defineStore("session", () => {
  const me = shallowRef<Me | null>(null);
  const known = shallowRef(false);

  /** Asks the server who we are. Signed out is an answer; no answer is an error. */
  async function load(): Promise<void> {
    try {
      const answer = await api.get<Me>("/api/v1/auth/me");
      api.setCsrfToken(answer.csrf_token);
      me.value = answer;
      void api.loadPolicy();
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 401) throw error;
      forget();
    }
    known.value = true;
  }

  function forget(): void {
    me.value = null;
    known.value = true;
    api.setCsrfToken(null);
    realtime.close();
  }

  async function signOut(): Promise<void> {
    try {
      await api.post("/api/v1/auth/logout", {});
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 401) throw error;
    }
    forget();
  }

  const abilities = computed(() => (me.value ? ABILITIES[me.value.role] : []));
  const may = (ability: Ability): boolean => abilities.value.includes(ability);

  return { me, known, load, forget, signOut, may };
});
