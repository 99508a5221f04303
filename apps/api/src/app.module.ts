import { Module, type Provider } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_PIPE } from '@nestjs/core';
import { CallerGuard, SystemController } from '@gatehouse/platform';
import { AccessModule } from './access/access.module';
import { ModelsModule } from './models/models.module';
import { ParametersGuard } from './parameters.guard';
import { ProblemFilter } from './problem.filter';
import { ReadsModule } from './reads/reads.module';
import { Routes } from './routes';
import { validation } from './validation';

/** What every request of both doors passes: guards (who calls, and with nothing that is not known), one pipe, one filter. */
export const EDGE: Provider[] = [
  Routes,
  ProblemFilter,
  { provide: APP_GUARD, useExisting: CallerGuard },
  { provide: APP_GUARD, useClass: ParametersGuard },
  { provide: APP_PIPE, useValue: validation },
  { provide: APP_FILTER, useExisting: ProblemFilter },
];

/** The composition root. */
@Module({
  imports: [AccessModule, ModelsModule, ReadsModule],
  controllers: [SystemController],
  providers: EDGE,
})
export class AppModule {}
