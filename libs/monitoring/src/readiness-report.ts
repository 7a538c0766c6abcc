/** Whether something can be used. */
export type HealthState = 'up' | 'down';

/** One thing that a process depends on. */
export interface Check {
  status: HealthState;
  /** What is wrong; null when nothing is. */
  detail: string | null;
}

/** One of several of a kind, such as a storage. */
export interface NamedCheck extends Check {
  name: string;
}

/** All that a process depends on. */
export interface Checks {
  /** The process itself: `down` while it stops. */
  service: Check;
  database: Check;
  storages: NamedCheck[];
  user_areas: Check;
  /** What hands out the work; always `up` where that is this process itself. */
  queue: Check;
  /** Services behind methods: one that is away is told, but keeps the others from nothing. */
  methods: NamedCheck[];
}

/** Whether a process can do its work, in the form that `GET /health/ready` answers with. */
export interface ReadinessReport {
  status: HealthState;
  checks: Checks;
  /** What keeps nothing from working, but should be known. */
  warnings: string[];
}
