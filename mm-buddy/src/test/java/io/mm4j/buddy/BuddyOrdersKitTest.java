// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.InputException;
import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.api.page.Migratetype;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.plugin.PluginSpec;
import io.mm4j.buddy.lists.BuddyProvider;
import io.mm4j.testkit.junit.PluginSuite;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Every rule over buddy with smaller blocks, down to single pages. */
class BuddyOrdersKitTest extends PluginSuite<FrameAllocatorProvider> {
  BuddyOrdersKitTest() {
    super(Spi.FRAME_ALLOCATOR);
  }

  @Override
  protected List<PluginSpec> plugins(PluginRegistry registry) {
    return Stream.of(0, 1, 3, 5, 8)
        .map(order -> PluginSpec.parse("buddy:max-order=" + order, "test"))
        .toList();
  }

  @Override
  protected int tries() {
    return Integer.getInteger("mm.tries", 1);
  }

  @Test
  void elevenIsRefusedWithWhatIsAllowed() {
    BuddyProvider buddy = new BuddyProvider();
    Options eleven = Options.of(buddy, Map.of("max-order", "11"), "test");
    Zone zone = new Zone(ZoneType.NORMAL, 0, 0, 4096, 4096, 4096, Migratetype.MOVABLE);
    InputException e = assertThrows(InputException.class, () -> buddy.create(zone, eleven));
    assertTrue(String.valueOf(e.getMessage()).contains("0 to 10"), e.getMessage());
  }
}
