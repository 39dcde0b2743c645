// SPDX-License-Identifier: Apache-2.0

package io.mm4j.vmalloc.table;

import io.mm4j.api.InputException;
import io.mm4j.api.kernel.KernelSpaceProvider;
import io.mm4j.api.kernel.KernelSpaceSource;
import io.mm4j.api.memory.Architecture;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.pagetable.PageTablesProvider;
import io.mm4j.api.plugin.OptionSpec;
import io.mm4j.api.plugin.Options;
import io.mm4j.vmalloc.space.LinuxSpaceProvider;
import java.util.List;

/** Provides the page tables {@code linux}. */
public final class LinuxPagingProvider implements PageTablesProvider, KernelSpaceSource {
  private static final String SYNC = "vmalloc-sync";

  /** For the service loader. */
  public LinuxPagingProvider() {}

  @Override
  public String name() {
    return "linux";
  }

  @Override
  public String summary() {
    return "tables in frames, and TLBs that must be flushed";
  }

  @Override
  public Capabilities capabilities() {
    return new Capabilities(true);
  }

  @Override
  public KernelSpaceProvider kernelSpace() {
    return new LinuxSpaceProvider();
  }

  @Override
  public List<OptionSpec> options() {
    return List.of(
        new OptionSpec(
            SYNC,
            OptionSpec.Type.TEXT,
            "auto",
            "when other roots receive the kernel's new top entries: eager, lazy (at a fault), or"
                + " auto: lazy on x86-32-2.4"),
        new OptionSpec(
            "pcid",
            OptionSpec.Type.BOOLEAN,
            "true",
            "whether a 64-bit CPU tells address spaces apart in its TLB"));
  }

  @Override
  public PageTables create(Floors floors, Options options) {
    PageTableFormat format = floors.format();
    Architecture architecture = floors.architecture();
    boolean wide = format.shape().addressBits() > 32;
    if (architecture.is64Bit() != wide || architecture.pageblockOrder() != format.order(2)) {
      throw new InputException(
          String.format(
              "%s has %d-bit addresses and huge pages of order %d",
              format.name(), format.shape().addressBits(), format.order(2)),
          "--plugin page-table=" + format.name(),
          String.format(
              "on %s: %s addresses and huge pages of order %d",
              architecture.id(),
              architecture.is64Bit() ? "64-bit" : "32-bit",
              architecture.pageblockOrder()));
    }
    if (floors.memory().ram().byteSize() == 0) {
      throw new InputException("page tables lie in RAM, and it has no bytes", "--contents", "all");
    }
    return new LinuxPageTables(floors, isLazy(architecture, options), wide && options.flag("pcid"));
  }

  private static boolean isLazy(Architecture architecture, Options options) {
    String sync = options.text(SYNC);
    return switch (sync) {
      case "auto" -> architecture == Architecture.X86_32_24;
      case "eager" -> false;
      case "lazy" -> true;
      default ->
          throw new InputException(
              "'" + sync + "' is no way to share the kernel's tables",
              "--plugin paging=linux:" + SYNC,
              "auto, eager, lazy");
    };
  }
}
