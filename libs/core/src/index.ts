export { AppError, type AppErrorOptions, type FieldError } from './app-error';
export { ERROR_CODES, ERROR_TITLES, type ErrorCode } from './error-codes';
export { describeSettings, type SettingDescription } from './describe-settings';
export { isLoopback, isSafeUrl } from './loopback';
export { loadSettings, Settings, SettingsError } from './settings';
export { DEFAULT_STORAGE_NAME, parseStorageRoots, type StorageRoot } from './storage-roots';
export { beginTrace, readTraceParent, traceFields, traceParentOfCall } from './trace-context';
