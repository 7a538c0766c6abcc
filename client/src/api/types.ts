import type { components } from './schema';

type Schemas = components['schemas'];

export type Operation = Schemas['OperationDto'];
export type OperationPage = Schemas['OperationPageDto'];
export type Status = Operation['status'];
export type SiteConfig = Schemas['ConfigDto'];
export type Method = Schemas['MethodDto'];
export type Readiness = Schemas['ReadyDto'];
export type Entry = Schemas['ListedEntryDto'];
export type ListingPage = Schemas['ListingPageDto'];
export type Plan = Schemas['PlanDto'];
export type PlannedItem = Schemas['PlannedItemDto'];
export type Batch = Schemas['BatchDto'];
export type LogEntry = Schemas['LogEntryDto'];
export type LogPage = Schemas['LogPageDto'];
export type ManifestFile = Schemas['ManifestFileDto'];
export type ManifestPage = Schemas['ManifestPageDto'];
export type StageAnswer = Schemas['StageAnswerDto'];
export type StageItem = Schemas['StageDataDto'];

/** Statuses of what has not ended. */
export function isUnfinished(status: Status): boolean {
  return status === 'queued' || status === 'running';
}
