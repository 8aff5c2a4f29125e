# What `cmake --install` puts where: tools, libraries and the plugin, headers
# (those that TableGen writes too), .td files, and the package that
# find_package(Qnt) finds.
include(CMakePackageConfigHelpers)

get_property(libraries GLOBAL PROPERTY QNT_INSTALLED)
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/Qnt)
install(TARGETS ${libraries} qnt_runtime EXPORT QntTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS QntPlugin LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS quant-opt quant-run quant-lsp-server quant-reduce
  RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})

install(DIRECTORY include/qnt ${PROJECT_BINARY_DIR}/include/qnt
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  FILES_MATCHING PATTERN "*.h" PATTERN "*.td" PATTERN "*.inc")
# The .td files include each other by these paths.
install(DIRECTORY dialects DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  FILES_MATCHING PATTERN "*.td")

install(EXPORT QntTargets NAMESPACE Qnt:: DESTINATION ${package_folder})
configure_package_config_file(
  ${CMAKE_CURRENT_LIST_DIR}/QntConfig.cmake.in
  ${PROJECT_BINARY_DIR}/cmake/QntConfig.cmake
  INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(
  ${PROJECT_BINARY_DIR}/cmake/QntConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/cmake/QntConfig.cmake
  ${PROJECT_BINARY_DIR}/cmake/QntConfigVersion.cmake
  DESTINATION ${package_folder})
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
