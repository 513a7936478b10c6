import type { Page, Person, User } from "@/contracts/api";
import { api } from "./http";
import { useSession } from "./session";
import { useResource } from "./ui/useResource";

/** Everybody who has an account; for administrators alone. */
export const listUsers = (signal?: AbortSignal): Promise<Page<User>> => api.get("/api/v1/auth/users", { limit: 200 }, signal);

/** The one who has exactly this name or id. */
export const findPerson = (name: string, signal?: AbortSignal): Promise<Person> => api.get("/api/v1/auth/people", { name }, signal);

/** Names of accounts by id: of everybody for administrators, else of oneself; null where none is known. */
export function useNames(): (id: string) => string | null {
  const session = useSession();
  const people = useResource<Pick<User, "id" | "username">[]>(async (signal) => (session.may("administer") ? (await listUsers(signal)).items : session.me ? [session.me] : []));
  return (id) => people.data.value?.find((one) => one.id === id)?.username ?? null;
}
