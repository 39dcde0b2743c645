// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.machine;

import io.mm4j.api.InputException;
import io.mm4j.api.boot.BootSettings;
import io.mm4j.api.kernel.KernelForm;
import io.mm4j.api.kernel.KernelLayout;
import io.mm4j.api.kernel.KernelSpace;
import io.mm4j.api.kernel.KernelSpaceProvider;
import io.mm4j.api.kernel.KernelSpaceSource;
import io.mm4j.api.memory.Architecture;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.pagetable.PageTablesProvider;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.vmalloc.VmallocAllocator;
import io.mm4j.api.vmalloc.VmallocAllocatorProvider;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The kernel's own addresses on a machine that is booting: the part of the wiring above slabs. */
final class KernelFloor {
  private final KernelLayout layout;
  private final @Nullable VmallocAllocator vmalloc;
  private final Optional<VmallocAllocatorProvider.Capabilities> capabilities;
  private final @Nullable KernelSpace space;

  KernelFloor(
      Machine machine,
      @Nullable SlabAllocator slabs,
      @Nullable PageTables tables,
      Optional<PluginChoice<VmallocAllocatorProvider>> vmallocPlugin,
      @Nullable PageTablesProvider paging,
      BootSettings settings) {
    Architecture architecture = machine.architecture();
    boolean wide = architecture.is64Bit();
    int bits = tables != null ? tables.format().shape().addressBits() : wide ? 48 : 32;
    KernelForm form = KernelForm.of(architecture);
    layout = KernelLayout.of(architecture, bits, form, machine.layout().lowmemEndPfn());
    capabilities = vmallocPlugin.map(plugin -> plugin.provider.capabilities());
    // on 64 bits modules and others come from the same allocator, up to the last page
    vmalloc =
        vmallocPlugin
            .map(
                plugin ->
                    plugin.made(
                        plugin.provider.create(
                            new VmallocAllocatorProvider.Floors(
                                machine.cpus().count(),
                                layout.vmallocStart(),
                                layout.vmallocEnd(),
                                wide ? -Pages.PAGE_SIZE : layout.vmallocEnd(),
                                wide,
                                settings.of(plugin.provider)),
                            plugin.options)))
            .orElse(null);
    if (vmalloc != null && tables != null && paging instanceof KernelSpaceSource source) {
      space =
          source
              .kernelSpace()
              .create(
                  new KernelSpaceProvider.Floors(
                      architecture,
                      machine.layout(),
                      layout,
                      machine.memory(),
                      machine.pages(),
                      slabs,
                      tables,
                      vmalloc,
                      capabilities.orElseThrow(),
                      machine.cpus()));
    } else {
      space = null;
    }
  }

  KernelLayout layout() {
    return layout;
  }

  Optional<VmallocAllocatorProvider.Capabilities> vmallocCapabilities() {
    return capabilities;
  }

  VmallocAllocator vmalloc() {
    if (vmalloc == null) {
      throw missing("vmalloc area", "vmalloc");
    }
    return vmalloc;
  }

  KernelSpace space() {
    if (space == null) {
      throw missing("mappings of the kernel's own", capabilities.isEmpty() ? "vmalloc" : "paging");
    }
    return space;
  }

  private static InputException missing(String what, String spi) {
    return new InputException(
        "this machine has no " + what + ": no " + spi + " plugin was found",
        "the plugins",
        "io.mm4j:mm-vmalloc, or another jar with a provider of "
            + spi
            + ", on the module path, the class path or --plugins-path");
  }

  void validate() {
    if (vmalloc != null) {
      vmalloc.validate();
    }
    if (space != null) {
      space.validate();
    }
  }

  void close() {
    if (space != null) {
      space.close();
    }
    if (vmalloc != null) {
      vmalloc.close();
    }
  }
}
