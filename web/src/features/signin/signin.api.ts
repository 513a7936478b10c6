import type { SignIn } from "@/contracts/api";
import { api } from "@/shared/http";

export const signIn = (username: string, password: string): Promise<SignIn> => api.post("/api/v1/auth/login", { username, password });
export const signInByLink = (token: string): Promise<SignIn> => api.post("/api/v1/auth/link", { token });
