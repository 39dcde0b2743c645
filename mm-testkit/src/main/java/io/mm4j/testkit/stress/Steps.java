// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.stress;

import io.mm4j.api.plugin.PluginProvider;
import java.lang.reflect.Method;
import org.jspecify.annotations.Nullable;

/**
 * Interrupts calls of a plugin at every access to a field or an array and before every call that it
 * makes, so that another thread can work at just that point. What a race shows once in many runs
 * shows itself each time.
 *
 * <p>The plugin's classes are loaded once more ({@link #copyOf}) with such a point before each
 * access. What its classes do inside others, of the JDK too, is not interrupted.
 */
public final class Steps {
  private static final ThreadLocal<@Nullable Runnable> AT_STEP = new ThreadLocal<>();

  private Steps() {}

  /** Called by the classes of a copy before each access. */
  public static void step() {
    Runnable atStep = AT_STEP.get();
    if (atStep != null) {
      atStep.run();
    }
  }

  /** Makes calls, and has something done before each access that this thread makes in them. */
  public static void during(Runnable calls, Runnable atStep) {
    AT_STEP.set(atStep);
    try {
      calls.run();
    } finally {
      AT_STEP.remove();
    }
  }

  /** How many accesses calls make. */
  public static int count(Runnable calls) {
    int[] steps = {0};
    during(calls, () -> steps[0]++);
    return steps[0];
  }

  /**
   * The same plugin, of classes that can be interrupted.
   *
   * @param type the interface that it is asked for
   * @return null if it cannot be made again: it has no public constructor without parameters and no
   *     method {@code provider()}, or its classes cannot be read
   */
  public static <P extends PluginProvider> @Nullable P copyOf(Class<P> type, P plugin) {
    Class<?> original = plugin.getClass();
    SteppedLoader loader = new SteppedLoader(original);
    Module own = Steps.class.getModule();
    own.addExports(Steps.class.getPackageName(), loader.getUnnamedModule());
    try {
      P copy = type.cast(provider(loader.loadClass(original.getName())));
      return copy.name().equals(plugin.name()) ? copy : null;
    } catch (ReflectiveOperationException | LinkageError | RuntimeException e) {
      return null;
    }
  }

  /** As {@link java.util.ServiceLoader} makes it. */
  private static Object provider(Class<?> copy) throws ReflectiveOperationException {
    for (Method method : copy.getMethods()) {
      if (method.getName().equals("provider") && method.getParameterCount() == 0) {
        return method.invoke(null);
      }
    }
    return copy.getConstructor().newInstance();
  }
}
