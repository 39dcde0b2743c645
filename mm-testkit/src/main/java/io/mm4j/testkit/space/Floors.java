// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.space;

import io.mm4j.api.plugin.Options;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.ProcessFloorProvider;
import io.mm4j.api.vma.VmaIndex;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.vma.VmaIndexSuite;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** The process floor that is run above an index: the one that is found beside the test kit. */
final class Floors {
  private static final Optional<ProcessFloorProvider> FOUND =
      ServiceLoader.load(ProcessFloorProvider.class).findFirst();

  private Floors() {}

  /** A right index below a floor that is wrong. */
  record Wrong(String name, VmaIndexProvider inner, UnaryOperator<ProcessFloor> wrap)
      implements VmaIndexProvider {
    @Override
    public String summary() {
      return inner.summary();
    }

    @Override
    public Capabilities capabilities() {
      return inner.capabilities();
    }

    @Override
    public VmaIndex create(int maxVmas, Options options) {
      return inner.create(maxVmas, options);
    }
  }

  /** Why no address space can be judged here, or null. */
  static @Nullable String missing() {
    return FOUND.isPresent()
        ? null
        : "no process floor is on the module path: add io.mm4j:mm-process";
  }

  /** A floor without processes. */
  static ProcessFloor create(VmaIndexProvider provider) {
    ProcessFloor floor = FOUND.orElseThrow().create();
    return provider instanceof Wrong wrong ? wrong.wrap.apply(floor) : floor;
  }

  /** The kit's own index. */
  static Supplier<VmaIndex> naive() {
    VmaIndexProvider provider = VmaIndexSuite.correct();
    return indexes(provider, Options.defaults(provider));
  }

  static Supplier<VmaIndex> indexes(VmaIndexProvider provider, Options options) {
    int most = Math.min(provider.capabilities().maxVmas(), 1 << 17);
    return () -> provider.create(most, options);
  }
}
