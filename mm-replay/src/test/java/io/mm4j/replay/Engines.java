// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay;

import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.ProcessFloorProvider;
import io.mm4j.api.vma.VmaIndex;
import io.mm4j.api.vma.VmaIndexProvider;
import java.util.List;
import java.util.ServiceLoader;
import java.util.function.Supplier;

/** The plugins that tests replay on: the process floor on the path, and each VMA index. */
public final class Engines {
  static {
    // As a module this one asks for no plugins: its callers hand them in. Tests have to find some.
    Engines.class.getModule().addUses(ProcessFloorProvider.class);
    Engines.class.getModule().addUses(VmaIndexProvider.class);
  }

  private Engines() {}

  /** A fresh process floor each time. */
  public static Supplier<ProcessFloor> floors() {
    ProcessFloorProvider provider =
        ServiceLoader.load(ProcessFloorProvider.class)
            .findFirst()
            .orElseThrow(() -> new IllegalStateException("no ProcessFloorProvider on the path"));
    return provider::create;
  }

  /** Names of all VMA indexes, sorted. */
  public static List<String> indexNames() {
    return ServiceLoader.load(VmaIndexProvider.class).stream()
        .map(provider -> provider.get().name())
        .sorted()
        .toList();
  }

  /** An empty index each time. */
  public static Supplier<VmaIndex> indexes(String name) {
    VmaIndexProvider provider =
        ServiceLoader.load(VmaIndexProvider.class).stream()
            .map(ServiceLoader.Provider::get)
            .filter(one -> one.name().equals(name))
            .findFirst()
            .orElseThrow(() -> new IllegalStateException("no vma-index=" + name));
    return provider::create;
  }

  /** A replayer on the reference index. */
  public static ProcessReplay replay() {
    return new ProcessReplay(floors(), indexes("rbtree"));
  }
}
