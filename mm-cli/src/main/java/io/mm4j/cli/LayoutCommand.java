// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import io.mm4j.api.InputException;
import io.mm4j.api.boot.BootOptions;
import io.mm4j.api.kernel.KernelForm;
import io.mm4j.api.kernel.KernelLayout;
import io.mm4j.api.kernel.LowMemory;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.Architecture;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.plugin.Sizes;
import io.mm4j.cli.layout.LayoutText;
import io.mm4j.cli.text.Json;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code mm layout}. */
@Command(
    sortOptions = false,
    description = {
      "Shows where everything lies in the kernel's addresses: of 32 bits the lines of the boot log,"
          + " of 64 bits, which never printed any, the map of the kernel's documentation; then the"
          + " space drawn to scale, and the part of a process.",
      "",
      "How much RAM there is decides where lowmem ends; vmalloc= and highmem= move the border.",
    },
    footer = {
      "",
      "Examples:",
      "  mm layout",
      "  mm layout --machine x86-32 --memory 2G",
      "  mm layout --machine x86-pae --memory 8G --cmdline \"vmalloc=256M\"",
      "  mm layout --machine x86-32-2.4 --memory 512M --pkmap 0xfe000000",
      "  mm layout --plugin page-table=la57 --json",
    })
final class LayoutCommand extends MmCommand {
  @Option(
      names = "--no-highmem",
      order = 10,
      description = "Of 32 bits: a kernel without support for high memory, and so without pkmap.")
  private boolean noHighmem;

  @Option(
      names = "--pkmap",
      paramLabel = "ADDR",
      order = 11,
      description = "Of 32 bits: where the pkmap area begins; 0xff800000, in Linux 2.4 0xfe000000.")
  private @Nullable String pkmap;

  @Option(
      names = "--fixmap",
      paramLabel = "ADDR",
      order = 12,
      description =
          "Of 32 bits: where the fixmap begins, which follows from the kernel's configuration;"
              + " 0xfff16000 by default, 0xffc57000 with PAE.")
  private @Nullable String fixmap;

  @Option(names = "--json", order = 13, description = "Prints JSON.")
  private boolean json;

  @Mixin private MachineOptions machine = new MachineOptions();

  @Override
  int run(Io io) {
    machine.given().refuseSeed();
    String why = "the layout follows from the architecture, the memory and the command line";
    machine.given().refuse(why, "--cpus", "--nodes", "--cpu-nodes", "--contents");
    machine.given().refuseOtherPlugins(why, Spi.PAGE_TABLE);
    Architecture architecture = machine.architecture();
    KernelForm form = form(architecture);
    BootOptions options = machine.parameters().bootOptions();
    try (Machine booted = machine.withKernelBytes(io, machine.registry(io)).boot()) {
      long ramEnd = booted.layout().map().endOfRam() >>> Pages.PAGE_SHIFT;
      LowMemory low =
          LowMemory.of(architecture, form, ramEnd, options.vmalloc(), options.highmem());
      low.notes().forEach(io::warn);
      int bits = booted.pageTables().format().shape().addressBits();
      KernelLayout layout = KernelLayout.of(architecture, bits, form, low.lowPfn());
      LayoutText text = new LayoutText(layout, low);
      if (json) {
        io.out().println(Json.write(text.toMap()));
      } else {
        io.out().print(text.toText());
      }
    }
    return Main.GOOD;
  }

  private KernelForm form(Architecture architecture) {
    KernelForm form = KernelForm.of(architecture);
    if (architecture.is64Bit()) {
      for (String given :
          List.of(
              noHighmem ? "--no-highmem" : "",
              pkmap == null ? "" : "--pkmap",
              fixmap == null ? "" : "--fixmap")) {
        if (!given.isEmpty()) {
          throw new InputException(
              given + " has no effect here: x86-64 has no such areas to move",
              given,
              "--machine x86-32, x86-pae, x86-32-2.4");
        }
      }
    }
    if (noHighmem && pkmap != null) {
      throw new InputException(
          "--pkmap has no effect here: without high memory there is no such area",
          "--pkmap " + pkmap,
          "one of the two");
    }
    if (fixmap != null) {
      form = form.withFixmap(Sizes.parseNumber(fixmap, "--fixmap"));
    }
    if (pkmap != null) {
      form = form.withPkmap(Sizes.parseNumber(pkmap, "--pkmap"));
    }
    return noHighmem ? form.withoutHighmem() : form;
  }
}
