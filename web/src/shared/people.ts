import type { Page, Person, User } from "@/contracts/api";
import { api } from "./http";

/** Everybody who has an account; for administrators alone. */
export const listUsers = (signal?: AbortSignal): Promise<Page<User>> => api.get("/api/v1/auth/users", { limit: 200 }, signal);

/** The one who has exactly this name or id. */
export const findPerson = (name: string, signal?: AbortSignal): Promise<Person> => api.get("/api/v1/auth/people", { name }, signal);
