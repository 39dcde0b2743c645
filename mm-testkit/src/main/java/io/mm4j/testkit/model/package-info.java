// SPDX-License-Identifier: Apache-2.0

/**
 * An independent model of Linux's page allocator: what it decides, as pure functions written from
 * the kernel's documented behaviour, and rules that compare plugins with it.
 */
@NullMarked
package io.mm4j.testkit.model;

import org.jspecify.annotations.NullMarked;
