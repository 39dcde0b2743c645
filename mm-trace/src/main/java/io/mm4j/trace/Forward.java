// SPDX-License-Identifier: Apache-2.0

package io.mm4j.trace;

import static net.bytebuddy.matcher.ElementMatchers.isDeclaredBy;
import static net.bytebuddy.matcher.ElementMatchers.isStatic;
import static net.bytebuddy.matcher.ElementMatchers.not;

import java.lang.invoke.MethodHandles;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import net.bytebuddy.ByteBuddy;
import net.bytebuddy.NamingStrategy;
import net.bytebuddy.description.method.MethodDescription;
import net.bytebuddy.description.modifier.Visibility;
import net.bytebuddy.dynamic.DynamicType;
import net.bytebuddy.dynamic.loading.ClassLoadingStrategy;
import net.bytebuddy.dynamic.scaffold.subclass.ConstructorStrategy;
import net.bytebuddy.implementation.FieldAccessor;
import net.bytebuddy.implementation.MethodCall;
import net.bytebuddy.implementation.MethodDelegation;
import net.bytebuddy.implementation.bind.annotation.AllArguments;
import net.bytebuddy.implementation.bind.annotation.FieldValue;
import net.bytebuddy.implementation.bind.annotation.Origin;
import net.bytebuddy.implementation.bind.annotation.RuntimeType;
import net.bytebuddy.matcher.ElementMatcher;
import org.jspecify.annotations.Nullable;

/**
 * Makes wrappers of interfaces: an object that hands every call to another one, default methods
 * too, so that what a plugin does in its own way stays its own. Calls with a hook pass through
 * that.
 *
 * <p>Layout: a class for each interface and set of hooked names, with the two fields {@code inner}
 * and {@code hooks}. A call without a hook is one virtual call more and makes no object; one with a
 * hook packs its arguments.
 */
final class Forward {
  /** What happens around a call. */
  @FunctionalInterface
  interface Hook {
    /** Does the call, or not, and answers. */
    @Nullable Object around(Call call) throws Throwable;
  }

  /** A call that is about to be made. */
  static final class Call {
    private final Object inner;
    private final Method method;
    private final Object[] arguments;

    private Call(Object inner, Method method, Object[] arguments) {
      this.inner = inner;
      this.method = method;
      this.arguments = arguments;
    }

    Method method() {
      return method;
    }

    /** As they were given; nobody writes to them. */
    Object[] arguments() {
      return arguments;
    }

    /** Makes it. */
    @Nullable Object proceed() throws Throwable {
      try {
        return method.invoke(inner, arguments);
      } catch (InvocationTargetException e) {
        Throwable cause = e.getCause();
        throw cause == null ? e : cause;
      }
    }

    long longAt(int index) {
      return ((Number) arguments[index]).longValue();
    }

    int intAt(int index) {
      return ((Number) arguments[index]).intValue();
    }
  }

  /** The hooks of one wrapper, by the name of the method. */
  static final class Hooks {
    private final Map<String, Hook> byName = new HashMap<>();

    /** Every method of this name passes through the hook. */
    Hooks on(String method, Hook hook) {
      byName.put(method, hook);
      return this;
    }
  }

  /** Where hooked calls of generated classes come to. */
  public static final class Dispatch {
    private Dispatch() {}

    /** One call. */
    @RuntimeType
    public static @Nullable Object call(
        @FieldValue("inner") Object inner,
        @FieldValue("hooks") Object hooks,
        @Origin Method method,
        @AllArguments Object[] arguments)
        throws Throwable {
      Hook hook = ((Hooks) hooks).byName.get(method.getName());
      Call call = new Call(inner, method, arguments);
      return hook == null ? call.proceed() : hook.around(call);
    }
  }

  private static final Map<String, Class<?>> MADE = new ConcurrentHashMap<>();

  private Forward() {}

  /** Wraps an object in its interface. */
  static <T> T wrap(Class<T> type, T inner, Hooks hooks) {
    String key = type.getName() + " " + new java.util.TreeSet<>(hooks.byName.keySet());
    Class<?> made = MADE.computeIfAbsent(key, k -> make(type, hooks));
    try {
      Constructor<?> constructor = made.getDeclaredConstructor(type, Object.class);
      return type.cast(constructor.newInstance(inner, hooks));
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("no wrapper of " + type.getName(), e);
    }
  }

  private static Class<?> make(Class<?> type, Hooks hooks) {
    ElementMatcher.Junction<MethodDescription> forwarded =
        not(isStatic()).and(not(isDeclaredBy(Object.class)));
    ElementMatcher.Junction<MethodDescription> hooked =
        forwarded.and(method -> hooks.byName.containsKey(method.getName()));
    try {
      DynamicType.Builder<?> builder =
          new ByteBuddy()
              .with(new NamingStrategy.SuffixingRandom("Traced"))
              .subclass(Object.class, ConstructorStrategy.Default.NO_CONSTRUCTORS)
              .name(Forward.class.getPackageName() + ".Traced" + type.getSimpleName() + MADE.size())
              .implement(type)
              .defineField("inner", type, Visibility.PUBLIC)
              .defineField("hooks", Object.class, Visibility.PUBLIC)
              .defineConstructor(Visibility.PUBLIC)
              .withParameters(type, Object.class)
              .intercept(
                  MethodCall.invoke(Object.class.getConstructor())
                      .andThen(FieldAccessor.ofField("inner").setsArgumentAt(0))
                      .andThen(FieldAccessor.ofField("hooks").setsArgumentAt(1)))
              .method(forwarded)
              .intercept(MethodCall.invokeSelf().onField("inner").withAllArguments())
              .method(hooked)
              .intercept(MethodDelegation.to(Dispatch.class));
      try (DynamicType.Unloaded<?> unloaded = builder.make()) {
        return unloaded
            .load(
                Forward.class.getClassLoader(),
                ClassLoadingStrategy.UsingLookup.of(MethodHandles.lookup()))
            .getLoaded();
      }
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("no wrapper of " + type.getName(), e);
    }
  }
}
