// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.machine.PluginInfo;
import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.api.plugin.PluginProvider;
import io.mm4j.cli.text.Terminal;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Random machines, plugins and workloads over all floors: every frame has one owner, everything
 * returns, the files of /proc agree with a walk, and one seed gives the same bytes. A failure is a
 * short script that {@code mm run} plays again.
 */
class FloorsTogetherTest {
  private static final int LENGTH = 60;

  @TempDir Path dir;

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void floorsAgree(long seed) throws IOException {
    once(seed);
  }

  @Test
  @Tag("soak")
  void floorsAgreeForLong() throws IOException {
    double minutes = Double.parseDouble(System.getProperty("mm.minutes", "60")) / 20;
    long end = System.nanoTime() + (long) (minutes * 60e9);
    for (long seed = 1000; System.nanoTime() < end; seed++) {
      once(seed);
    }
  }

  private void once(long seed) throws IOException {
    Random random = new Random(seed);
    List<String> options = FloorsPlay.machine(random);
    List<FloorsPlay.Op> ops = FloorsPlay.workload(random, LENGTH);
    FloorsPlay.Outcome outcome = FloorsPlay.play(options, ops, UnaryOperator.identity());
    if (outcome.failure() != null) {
      List<FloorsPlay.Op> few = FloorsPlay.shrunk(options, ops, UnaryOperator.identity());
      FloorsPlay.Outcome shown = FloorsPlay.play(options, few, UnaryOperator.identity());
      Path file = Path.of("target", "floors-" + seed + ".mm");
      Files.writeString(file, shown.script());
      assertNull(
          shown.failure(),
          () ->
              "seed="
                  + seed
                  + "\n"
                  + shown.script()
                  + "again with ./mm run mm-cli/"
                  + file
                  + " "
                  + String.join(" ", options));
      assertNull(outcome.failure(), "seed=" + seed + " " + options + "\n" + outcome.script());
    }
    assertEquals(outcome, FloorsPlay.play(options, ops, UnaryOperator.identity()), "same bytes");
  }

  /** A frame allocator that loses blocks of order 5 when they are freed is found, in few lines. */
  @Test
  void aFaultShrinksToAScriptThatRunPlaysAgain() throws IOException {
    List<String> options = List.of("--memory=64M", "--cpus=1");
    List<FloorsPlay.Op> ops = FloorsPlay.workload(new Random(5), 200);
    UnaryOperator<PluginRegistry> faulty = FloorsTogetherTest::faulty;
    assertNotNull(FloorsPlay.play(options, ops, faulty).failure());
    List<FloorsPlay.Op> few = FloorsPlay.shrunk(options, ops, faulty);
    FloorsPlay.Outcome shown = FloorsPlay.play(options, few, faulty);
    assertNotNull(shown.failure());
    assertTrue(few.size() <= 3, shown.script());
    Path file = Files.writeString(dir.resolve("few.mm"), shown.script());
    assertNotEquals(0, run(faulty, file, options), shown.script());
    assertEquals(0, run(UnaryOperator.identity(), file, options), shown.script());
  }

  private static int run(UnaryOperator<PluginRegistry> plugins, Path file, List<String> options) {
    List<String> args = new ArrayList<>(List.of("run", file.toString()));
    args.addAll(options);
    PrintStream nowhere =
        new PrintStream(new ByteArrayOutputStream(), true, StandardCharsets.UTF_8);
    return Main.run(
        new Io(nowhere, nowhere, Terminal.none(), plugins), args.toArray(String[]::new));
  }

  private static PluginRegistry faulty(PluginRegistry registry) {
    Map<Spi<?>, List<? extends PluginProvider>> providers = new LinkedHashMap<>();
    for (Spi<?> spi : Spi.all()) {
      List<PluginProvider> all = new ArrayList<>();
      for (PluginInfo info : registry.plugins(spi)) {
        PluginProvider provider = registry.provider(spi, info.name(), "test");
        all.add(provider instanceof FrameAllocatorProvider frames ? losing(frames) : provider);
      }
      providers.put(spi, all);
    }
    return PluginRegistry.of(providers);
  }

  private static FrameAllocatorProvider losing(FrameAllocatorProvider provider) {
    return (FrameAllocatorProvider)
        Proxy.newProxyInstance(
            FloorsTogetherTest.class.getClassLoader(),
            new Class<?>[] {FrameAllocatorProvider.class},
            (proxy, method, args) -> {
              Object made = call(method, provider, args);
              return made instanceof FrameAllocator frames ? losing(frames) : made;
            });
  }

  private static FrameAllocator losing(FrameAllocator frames) {
    return (FrameAllocator)
        Proxy.newProxyInstance(
            FloorsTogetherTest.class.getClassLoader(),
            new Class<?>[] {FrameAllocator.class},
            (proxy, method, args) -> {
              boolean free = method.getName().equals("free") && Integer.valueOf(5).equals(args[1]);
              return free ? null : call(method, frames, args);
            });
  }

  private static Object call(Method method, Object on, Object[] args) throws Throwable {
    try {
      return method.invoke(on, args);
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
  }
}
