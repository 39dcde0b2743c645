// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.model;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.ZoneType;

/** Makes the parts of the model that stand above the walk, so that each can be replaced. */
class Hooks {
  /** kswapd. */
  Background background(State state, PerCpu perCpu) {
    return new Background() {
      @Override
      public void wake(Cpu cpu, ModelZone zone, int gfp, int order, ZoneType highest) {}

      @Override
      public long run(Cpu cpu) {
        return 0;
      }
    };
  }

  /** The slow path. */
  Slow slow(
      State state, Walk walk, PerCpu perCpu, HighAtomicReserve reserve, Background background) {
    return request -> {
      AllocFlags flags =
          AllocFlagsOf.slow(request.gfp(), request.order(), state.settings.defragMode());
      if (AllocFlagsOf.mayIgnoreWatermarks(request.gfp(), request.cpu().flags())) {
        flags = flags.with(AllocFlag.NO_WATERMARKS);
      }
      return walk.get(request, flags);
    };
  }
}
