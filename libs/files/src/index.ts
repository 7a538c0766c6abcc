export { type ArchiveFormat } from './archive/archive';
export { AccountDirectory, type Account } from './accounts/account-directory';
export { OwnershipPolicy, type OwnershipOptions } from './accounts/ownership-policy';
export { type PairProbe, type TargetProbe } from './browse/inspect-roots';
export { type ListedEntry, type ListedPage } from './browse/list-directory';
export { alreadyExists, destinationOfOtherKind, destinationRestless } from './confined/system-errors';
export { type Algorithm, type Checksum } from './engine/hashing';
export { type TreeSurvey } from './engine/survey';
export { type LinkKind, type ManifestRow } from './engine/task-types';
export { createFiles, type Files } from './create-files';
export { FilesModule, type FilesModuleOptions } from './files.module';
export {
  type DestinationPath,
  MAX_PATH_BYTES,
  MAX_SEGMENT_BYTES,
  lastName,
  type PathText,
  rawFromShown,
  readDestination,
  readPath,
  refuseEscape,
  showPath,
  showPathAs,
} from './names/path-text';
export { type RawName, rawFromText } from './names/raw-name';
export { WorkerPool } from './pool/worker-pool';
export { type FileIdentity } from './reading/source-tasks';
export { type PlannedPlacement } from './engine/plan';
export { type Release } from './engine/release';
export { DestinationLocks } from './stager/destination-locks';
export { FileBrowser } from './stager/file-browser';
export { FilePlanner } from './stager/file-planner';
export { FileReleaser } from './stager/file-releaser';
export { FileStager } from './stager/file-stager';
export { type FilesOptions } from './stager/files-options';
export { LeftOvers } from './stager/left-overs';
export { OpenFile, PIECE_BYTES, type SourceFacts } from './stager/open-file';
export { type ArchiveStream, OpenTree, type TreeEntry } from './stager/open-tree';
export {
  type PlaceHooks,
  type PrivateNames,
  type Placement,
  type PlaceProgress,
  type PlaceRequest,
  type ReleaseRequest,
} from './stager/placement';
export { RootRegistry, type RootState } from './stager/root-registry';
export { nameOfRoot } from './confined/root';
export { SourceReader, type SourceRequest } from './stager/source-reader';
