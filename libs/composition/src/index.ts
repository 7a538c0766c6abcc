export { engineModules } from './engine-modules';
export { keepHeapSmall } from './heap';
export { loggingOptions, recordsOptions } from './lib-options';
export { runProgram } from './run-program';
export { stopOnSignals } from './stop-on-signals';
