export { addressOf } from './address-of';
export { engineModules } from './engine-modules';
export { keepHeapSmall } from './heap';
export { clusterOptions, loggingOptions, queueOptions, recordsOptions } from './lib-options';
export { type ProcessRole } from './process-role';
export { runProgram } from './run-program';
export { SettingsModule } from './settings.module';
export { nameOf, type SiteNameOptions, siteNameOptions, SiteNames } from './site-names';
export { stopOnSignals } from './stop-on-signals';
