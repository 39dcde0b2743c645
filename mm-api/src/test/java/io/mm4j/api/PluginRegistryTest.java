// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.api.plugin.Options;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Plugins are found by name, and a name means one of them. */
class PluginRegistryTest {
  private static class Named implements PageAllocatorProvider {
    @Override
    public String name() {
      return "mine";
    }

    @Override
    public String summary() {
      return "allocates nothing";
    }

    @Override
    public Capabilities capabilities() {
      return new Capabilities(false, false, false);
    }

    @Override
    public PageAllocator create(Floors floors, Options options) {
      throw new UnsupportedOperationException("is not booted");
    }
  }

  private static final class Other extends Named {}

  @Test
  void twoOfOneNameStopWithBothPlaces() {
    InputException two =
        assertThrows(
            InputException.class,
            () -> PluginRegistry.of(Map.of(Spi.PAGE_ALLOCATOR, List.of(new Named(), new Other()))));
    assertTrue(two.toString().contains("two page-allocator plugins are named 'mine'"), "" + two);
    assertTrue(two.toString().contains(Named.class.getName()), "" + two);
    assertTrue(two.toString().contains(Other.class.getName()), "" + two);
  }

  @Test
  void anUnknownNameIsAnswered() {
    PluginRegistry registry = PluginRegistry.of(Map.of(Spi.PAGE_ALLOCATOR, List.of(new Named())));
    InputException none =
        assertThrows(
            InputException.class, () -> registry.provider(Spi.PAGE_ALLOCATOR, "his", "here"));
    assertTrue((none + none.allowed()).contains("mine"), "" + none);
    InputException alone =
        assertThrows(
            InputException.class, () -> registry.provider(Spi.FRAME_ALLOCATOR, "buddy", "here"));
    assertTrue(alone.allowed().contains("io.mm4j:mm-buddy has some"), "" + alone);
  }
}
